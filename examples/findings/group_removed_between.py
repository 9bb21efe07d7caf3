"""today-group-running: a_task_fails_with_its_group

Some task that waits for a worker fails, as its group was given up.

The run of the model:
   1. driver.groups -> groups
   2. driver.leases -> raylet0
   3. driver.leases -> raylet0
   4. groups -> bundles1
   5. bundles1 -> groups
   6. groups -> bundles1
   7. syncer -> raylet0 [sync]
   8. raylet0 -> driver.leases
   9. raylet0 -> driver.leases
  10. driver.leases -> raylet1
  11. driver.leases -> raylet1
  12. raylet1 -> driver.leases
  13. driver: timer body:driver fires
  14. driver.groups -> groups
  15. groups -> bundles1
  16. raylet1 -> driver.leases
"""

from rayproof.live import stage

STEERING = {}
stage.prepare(STEERING)

import ray  # noqa: E402

NODES = {
    "n0": {"num_cpus": 1},
    "n1": {"num_cpus": 0, "num_gpus": 1},
}
TIMELINE = (("driver", 4),)
CLAIMS = (("waits", "o_b"),)


@ray.remote
def f(me, *inputs):
    with stage.body(me) as made:
        return made(10)


@ray.remote
def g(me, *inputs):
    with stage.body(me) as made:
        return made(10)


def driver(play):
    play.group("g", [{"GPU": 1}], "PACK", wait=False)
    o_a = f.options(num_cpus=0, num_gpus=1, max_retries=1, scheduling_strategy=play.inside("g", -1)).remote("a")
    o_b = g.options(num_cpus=0, num_gpus=1, max_retries=1, scheduling_strategy=play.inside("g", -1)).remote("b")
    play.at(4)
    play.remove("g")
    play.get(o_a=o_a, o_b=o_b)


if __name__ == "__main__":
    stage.run(driver, NODES, TIMELINE, CLAIMS, STEERING, patience_s=20)
