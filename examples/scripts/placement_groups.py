"""Gangs: two groups one after the other, with actors and tasks in their bundles, each removed when it is done."""

import time

import ray
from ray.util.placement_group import placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy


@ray.remote(num_cpus=0.5)
class Member:
    def work(self, step):
        time.sleep(0.02)
        return step


@ray.remote(num_cpus=0.5)
def check(values):
    return len(values)


ray.init()
for strategy in ("PACK", "SPREAD"):
    group = placement_group([{"CPU": 1}, {"CPU": 1}], strategy=strategy)
    ray.get(group.ready())
    bundles = [PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=i) for i in range(2)]
    members = [Member.options(scheduling_strategy=bundle).remote() for bundle in bundles]
    values = ray.get([member.work.remote(step) for step in range(3) for member in members])
    for member in members:
        ray.kill(member)
    checked = check.options(scheduling_strategy=bundles[0]).remote(values)
    print(strategy, ray.get(checked))
    remove_placement_group(group)
