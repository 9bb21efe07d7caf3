"""today-group-actor-restarts: tasks_end_with_their_group

When nothing more can happen, no task or actor of a group that was given up waits for a worker.

The run of the model:
   1. driver.groups -> groups
   2. driver.calls -> actors
   3. driver.calls -> actors
   4. groups -> bundles0
   5. actors -> raylet0
   6. actors -> driver.calls
   7. driver: timer body:driver fires
   8. driver.groups -> groups
   9. groups -> bundles0
  10. bundles0 -> groups
  11. syncer -> raylet1 [sync]

Steered by Ray's own switches:
  step 10: NodeManagerService.grpc_client.PrepareBundleResources is late
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
    "n1": {"num_cpus": 1},
}
TIMELINE = (("driver", 4),)
CLAIMS = (("waits", "o_m"),)


@ray.remote
class AClass:
    def __init__(self, me, *inputs):
        with stage.body(me):
            pass

    def call(self, me, *inputs):
        with stage.body(me) as made:
            return made(10)


def driver(play):
    play.group("g", [{"CPU": 1}], "PACK", wait=False)
    A = AClass.options(num_cpus=1, max_restarts=1, scheduling_strategy=play.inside("g", -1)).remote("make")
    o_m = A.call.remote("m")
    play.at(4)
    play.remove("g")
    play.get(o_m=o_m)


if __name__ == "__main__":
    stage.run(driver, NODES, TIMELINE, CLAIMS, STEERING, patience_s=20)
