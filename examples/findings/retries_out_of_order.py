"""actor-retries: actor_serial_order_of_retries

In an incarnation each caller's methods start in the order of their submission, retries included.

The run of the model:
   1. FAULT crash: actor
   2. actor comes back
   3. actor#1 -> registry
   4. registry -> a
   5. a: timer retry 1 fires
   6. a -> actor#1
   7. actor#1: timer method a1 2 fires
   8. a: timer retry 0 fires
   9. a -> actor#1

Steered by Ray's own switches:
  step 1: CoreWorkerService.grpc_server.PushTask is late
  step 1: CoreWorkerService.grpc_server.PushTask is late
  step 1: CoreWorkerService.grpc_server.PushTask is late
"""

from rayproof.live import stage

STEERING = {
    "n1": {
        "RAY_testing_asio_delay_us": "CoreWorkerService.grpc_server.PushTask=2000000:2000000",
    },
}
stage.prepare(STEERING)

import ray  # noqa: E402

NODES = {
    "head": {"num_cpus": 0},
    "n1": {"num_cpus": 1},
}
TIMELINE = (
    ("kill actor", "actor"),
    ("begins", "a1", 1),
    ("ends", "a1", 1),
    ("begins", "a0", 1),
)
CLAIMS = (("out of order", "a0", "a1", "a2"),)


@ray.remote
class Actor:
    def __init__(self, me, *inputs):
        with stage.body(me):
            pass

    def call(self, me, *inputs):
        with stage.body(me) as made:
            return made(10)


def driver(play):
    actor = Actor.options(num_cpus=1, max_restarts=1, max_task_retries=1).remote("actor")
    o_a0 = actor.call.remote("a0")
    o_a1 = actor.call.remote("a1")
    o_a2 = actor.call.remote("a2")
    play.get(o_a0=o_a0, o_a1=o_a1, o_a2=o_a2)


if __name__ == "__main__":
    stage.run(driver, NODES, TIMELINE, CLAIMS, STEERING, patience_s=20)
