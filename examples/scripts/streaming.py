"""A generator whose items are consumed while it still makes others."""

import time

import numpy as np
import ray


@ray.remote
def blocks(count):
    for i in range(count):
        time.sleep(0.03)
        yield np.full(40_000, i)


@ray.remote
def digest(block):
    time.sleep(0.02)
    return int(block.sum())


ray.init()
stream = blocks.options(_generator_backpressure_num_objects=3).remote(6)
print("sum:", sum(ray.get([digest.remote(block) for block in stream])))
