"""ray2-calls-lost-reply: a_call_is_executed_again

Some call is executed twice by one worker: its first reply was lost.

The run of the model:
   1. owner: timer go on fires
   2. owner -> actors
   3. actors -> raylet0
   4. raylet0 -> actors
   5. actors -> calls-m
   6. owner: timer go on fires
   7. calls-m -> home-m.0
   8. home-m.0: timer method a 1 fires
   9. FAULT lose_reply: home-m.0|calls-m|
  10. home-m.0 -> calls-m [unreachable]
  11. calls-m: timer retry 0 fires
  12. calls-m -> home-m.0

Steered by Ray's own switches:
  step 9: lose_reply of PushTask
"""

from rayproof.live import stage

STEERING = {
    "driver": {
        "RAY_testing_rpc_failure": (
            '{"CoreWorkerService.grpc_client.PushTask": {"num_failures": 1,"num_lower_bound_resp_failures": 1}}'
        ),
    },
}
stage.prepare(STEERING)

import ray  # noqa: E402

NODES = {
    "n0": {"num_cpus": 1},
}
TIMELINE = (
    ("driver", 0),
    ("driver", 1),
    ("begins", "a", 1),
    ("ends", "a", 1),
    ("begins", "a", 2),
)
CLAIMS = (("runs", "a", 2),)


@ray.remote
class A:
    def __init__(self, me, *inputs):
        with stage.body(me):
            pass

    def call(self, me, *inputs):
        with stage.body(me) as made:
            return made(10)


def driver(play):
    play.at(0)
    m = A.options(num_cpus=1, max_restarts=1, max_task_retries=1).remote("m")
    play.at(1)
    oa = m.call.remote("a")
    ob = m.call.remote("b")
    play.get(oa=oa)
    ray.kill(m)
    play.get(ob=ob)


if __name__ == "__main__":
    stage.run(driver, NODES, TIMELINE, CLAIMS, STEERING, patience_s=20)
