"""Where tasks may run: labels, node affinity that is hard, soft or gives way, SPREAD, fractions, hints in labels."""

import time

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy


@ray.remote
def work(seconds, *after):
    time.sleep(seconds)
    return ray.get_runtime_context().get_node_id()


ray.init()
node = ray.nodes()[-1]["NodeID"]
spread = [work.options(scheduling_strategy="SPREAD", num_cpus=0.5).remote(0.05) for _ in range(4)]
hard = work.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote(0.02, *spread)
soft = work.options(
    scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=True, _spill_on_unavailable=True)
).remote(0.02)
hinted = work.options(_labels={"waiting_timeout": "4", "priority": "2"}).remote(0.02)
labelled = work.options(label_selector={"ray.io/node-id": node}, name="labelled").remote(0.02)
block = ray.put(bytes(300_000))
used = [work.remote(0.01, block) for _ in range(3)]
del block
print("nodes:", len(set(ray.get([hard, soft, hinted, labelled, *spread, *used]))))
