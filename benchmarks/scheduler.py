"""How fast the timed model decides: 250 nodes of 4 CPUs, 10,000 tasks of about a second, for every built-in policy.

    python benchmarks/scheduler.py [policy ...]

Prints, for each policy, the decisions (placements and waits), the CPU seconds of the whole simulation and of the calls
of the policy alone, the share of decisions that looked at no other node than the submitting one, and the utilisation of
the cluster while tasks arrived.
"""

from __future__ import annotations

import sys
from collections import Counter
from random import Random
from time import process_time
from typing import Any

from rayproof.model.cluster.paper import ClusterParameters, assemble
from rayproof.model.graph import (
    Action,
    ClusterSpec,
    Compute,
    NodeSpec,
    ObjectSpec,
    Program,
    Resources,
    Submit,
    TaskSpec,
    Wait,
)
from rayproof.model.kernel import Simulation, Timing
from rayproof.model.scheduler.paper.events import BodyEnded, Deferred, Granted, Started
from rayproof.model.scheduler.policy.built_in import BUILT_IN
from rayproof.model.scheduler.policy.hooks import (
    Choices,
    ClusterView,
    Policy,
    TaskView,
    policy_name,
    uses_locations,
)

NODES, CPUS, TASKS = 250, 4, 10_000
LOAD = 0.9
MEAN_US = 1_000_000


class Timed:
    """A policy with a stopwatch."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.name = policy_name(policy)
        self.memory = getattr(policy, "memory", ())
        self.locality = uses_locations(policy)
        self.seconds = 0.0
        self.calls = 0
        self.kept_at_origin = 0

    def place(self, task: TaskView, view: ClusterView, memory: Any, ctx: Choices) -> Any:
        """Ask the policy, and note how long it took."""
        began = process_time()
        answer = self.policy.place(task, view, memory, ctx)
        self.seconds += process_time() - began
        self.calls += 1
        node = answer[0] if isinstance(answer, tuple) else answer
        self.kept_at_origin += node == view.origin
        return answer


def workload(seed: int) -> Program:
    """Independent tasks that arrive at a steady rate for `LOAD` of the cluster; one in four has a 1 MB input."""
    random = Random(seed)
    gap = round(MEAN_US / (NODES * CPUS * LOAD))
    tasks: dict[str, TaskSpec] = {}
    objects: dict[str, ObjectSpec] = {}
    driver: list[Action] = []
    for i in range(TASKS):
        name = f"t{i:05}"
        inputs = (f"o{i - 3000:05}",) if i % 4 == 0 and i >= 3000 else ()
        body = (Compute(random.randint(MEAN_US // 2, MEAN_US * 3 // 2)),)
        tasks[name] = TaskSpec(name, inputs, (f"o{i:05}",), Resources.of(CPU=1), body)
        objects[f"o{i:05}"] = ObjectSpec(f"o{i:05}", 1_000_000)
        driver += [Submit(name), Compute(gap)]
    driver.append(Wait(tuple(objects), TASKS))
    return Program(tasks, objects, tuple(driver), "steady")


def run(name: str, program: Program) -> None:
    """Simulate one policy and print its line."""
    timed = Timed(BUILT_IN[name])
    cluster = ClusterSpec(
        tuple(NodeSpec(f"n{i}", Resources.of(CPU=CPUS)) for i in range(NODES)), bandwidth_bytes_per_s=1_000_000_000
    )
    counts: Counter[type] = Counter()
    running, busy_us, last = 0, 0, 0
    window = (TASKS * MEAN_US // (NODES * CPUS) // 4, TASKS * MEAN_US // (NODES * CPUS))

    def observe(now: int, event: Any) -> None:
        nonlocal running, busy_us, last
        counts[type(event)] += 1
        if isinstance(event, Started | BodyEnded):
            low, high = max(last, window[0]), min(now, window[1])
            busy_us += running * max(0, high - low)
            last = now
            running += 1 if isinstance(event, Started) else -1

    scenario = assemble(
        f"bench-{name}",
        program,
        cluster,
        ClusterParameters(policy=timed, threshold=0, timing=Timing(latency_us=300), task_us=MEAN_US),
    )
    simulation = Simulation(scenario, 0, on_event=observe)
    began = process_time()
    result = simulation.run()
    seconds = process_time() - began
    decisions = counts[Granted] + counts[Deferred]
    used = busy_us / (NODES * CPUS * (window[1] - window[0]))
    print(
        f"{name:24} {decisions:7} decisions  {seconds:6.2f} CPU s  {decisions / seconds:7.0f}/s in all  "
        f"{timed.calls / timed.seconds:7.0f}/s policy  at origin {timed.kept_at_origin / timed.calls:5.1%}  "
        f"waits {counts[Deferred] / decisions:5.1%}  utilisation {used:5.1%}  "
        f"events {result.events}  unfinished {TASKS - counts[BodyEnded]}"
    )


def main() -> None:
    """All policies, or those named."""
    program = workload(0)
    for name in sys.argv[1:] or BUILT_IN:
        run(name, program)


if __name__ == "__main__":
    main()
