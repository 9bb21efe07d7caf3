"""What it costs to run a user's policy in a process of its own: large simulations, inside and supervised, in pairs.

    python -m benchmarks.supervised [TASKS [PAIRS]]

Prints, for each way in which a policy is asked, the CPU seconds of all processes and the wall-clock seconds of one
simulation of `least_queue` on 50 nodes with its questions put again, and the median ratio of the pairs. The first two
starts of Python are counted; a table of questions is never used twice.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from random import Random
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from statistics import median
from time import perf_counter

from rayproof.check.simulation import Decides, Settings, Workload, prepare, simulate
from rayproof.model.graph import (
    Action,
    ClusterSpec,
    Compute,
    Get,
    NodeSpec,
    ObjectSpec,
    Program,
    Resources,
    Submit,
    TaskSpec,
)
from rayproof.model.scheduler.policy.built_in import with_defaults
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.policies import load_policy, supervisor
from rayproof.properties.entry import Edition
from rayproof.recordings import read_recording
from rayproof.supervised.loading import loaded

EXAMPLES = Path(__file__).parents[1] / "examples"
POLICY = str(EXAMPLES / "policies" / "least_queue.py")
NODES, CPUS, LOAD, MEAN_US = 50, 4, 0.9, 1_000_000
WAYS = ((Edition.PAPER, Decides.DRIVER), (Edition.RAY2, Decides.DRIVER), (Edition.RAY2, Decides.RAYLET))


def workload(count: int, edition: Edition) -> Workload:
    """Independent tasks that arrive at a steady rate for `LOAD` of the cluster."""
    random = Random(0)
    tasks: dict[str, TaskSpec] = {}
    driver: list[Action] = []
    for number in range(count):
        name, made = f"t{number:05}", f"o{number:05}"
        body = (Compute(random.randint(MEAN_US // 2, MEAN_US * 3 // 2)),)
        tasks[name] = TaskSpec(name, (), (made,), Resources.of(CPU=1), body)
        driver += [Submit(name), Compute(round(MEAN_US / (NODES * CPUS * LOAD)))]
    objects = {task.outputs[0]: ObjectSpec(task.outputs[0], 1_000) for task in tasks.values()}
    driver.append(Get(tuple(objects)))
    recorded = read_recording(EXAMPLES / "recordings" / "01_default_short.jsonl")
    recording = replace(
        recorded,
        program=Program(tasks, objects, tuple(driver), "steady"),
        cluster=ClusterSpec(tuple(NodeSpec(f"n{i}", Resources.of(CPU=CPUS)) for i in range(NODES))),
        startup=replace(recorded.startup, first_loads=(), first_bodies=()),
        faults=(),
        groups=(),
        late=(),
        setup=frozenset(),
    )
    return prepare(recording, None, edition)


def used() -> float:
    """CPU seconds of this process and of those that have ended."""
    both = [getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in both)


def measured(work: Workload, settings: Settings, *, supervised: bool) -> tuple[float, float]:
    """CPU and wall-clock seconds of one run."""
    cpu, wall = used(), perf_counter()
    policy: Policy = load_policy(POLICY).policy if supervised else with_defaults(loaded(POLICY))
    simulate(work, policy, settings, seeds=1)
    wall = perf_counter() - wall
    found = supervisor(policy)
    if found is not None:
        found.stop()
    return used() - cpu, wall


def main(tasks: int = 5_000, pairs: int = 3) -> None:
    """Print a line for each way."""
    for edition, decides in WAYS:
        work, settings = workload(tasks, edition), Settings(300_000_000, 50, 0, edition, decides)
        found = [
            (measured(work, settings, supervised=False), measured(work, settings, supervised=True))
            for _ in range(pairs)
        ]
        for what, at in (("CPU", 0), ("wall", 1)):
            inside, outside = median(one[at] for one, _ in found), median(two[at] for _, two in found)
            ratio = median(two[at] / one[at] for one, two in found)
            print(f"{edition}, {decides}: {what} {inside:.2f} s inside, {outside:.2f} s supervised, {ratio:.2f}x")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
