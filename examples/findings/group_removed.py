"""today-group-running: tasks_end_with_their_group

When nothing more can happen, no task or actor of a group that was given up waits for a worker.

The run of the model:
   1. driver.groups -> groups
   2. driver.leases -> raylet0
   3. driver.leases -> raylet0
   4. groups -> bundles1
   5. driver: timer body:driver fires
   6. driver.groups -> groups
   7. groups -> bundles1
   8. bundles1 -> groups
   9. syncer -> raylet0 [sync]

Steered by Ray's own switches:
  step 8: NodeManagerService.grpc_client.PrepareBundleResources is late
"""

from rayproof.live import stage

STEERING = {
    "gcs": {
        "RAY_testing_asio_delay_us": "NodeManagerService.grpc_client.PrepareBundleResources=2000000:2000000",
    },
}
stage.prepare(STEERING)

import ray  # noqa: E402

NODES = {
    "n0": {"num_cpus": 1},
    "n1": {"num_cpus": 0, "num_gpus": 1},
}
TIMELINE = (("driver", 4),)
CLAIMS = (("waits", "o_a", "o_b"),)


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
