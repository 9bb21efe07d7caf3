"""Map and reduce: every mapper makes a part for every reducer."""

import numpy as np
import ray

MAPPERS, REDUCERS, ROWS = 6, 3, 60_000


@ray.remote(num_returns=REDUCERS)
def partition(seed):
    keys = np.random.default_rng(seed).integers(0, 1000, ROWS)
    return [keys[keys % REDUCERS == part] for part in range(REDUCERS)]


@ray.remote
def reduce(*parts):
    return np.sort(np.concatenate(parts))


@ray.remote
def total(*reduced):
    return sum(len(part) for part in reduced)


ray.init()
parts = [partition.remote(seed) for seed in range(MAPPERS)]
reduced = [reduce.remote(*(part[i] for part in parts)) for i in range(REDUCERS)]
print("rows:", ray.get(total.remote(*reduced)))
