"""What each proposal of `examples/policies/` costs and breaks: the figures of `docs/proposals.md`.

    python benchmarks/proposals.py

Four timed workloads (locality: 240 tasks of 0.2 s on 60 objects of 20 MB; light: 60
tasks of 0.2 s, ten a second; deadlines: 120 tasks, every third urgent;
booting: a GPU task whose node needs 20 s to boot), and every exhausted scope that takes a policy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rayproof.model.cluster.paper import ClusterParameters, assemble
from rayproof.model.graph import (
    Action,
    ClusterSpec,
    Compute,
    NodeSpec,
    ObjectSpec,
    Program,
    Put,
    Resources,
    Submit,
    TaskSpec,
    Wait,
)
from rayproof.model.graph.hints import NO_HINTS, Hints
from rayproof.model.kernel import Simulation, Timing, Verdict, explore
from rayproof.model.scheduler.paper.events import BodyEnded, Moved, Rejected, Started, Submitted
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.policies import load_policy
from rayproof.properties.catalogue import ENTRIES, Scope
from rayproof.properties.scheduler.paper.scopes import PROMISES

POLICIES = Path(__file__).parents[1] / "examples" / "policies"
NAMES = ("alpha_beta", "spread_with_locality", "waiting_time_bound", "soft_deadline", "backoff_three")
LATER = ("backoff_and_migration", "three_seconds", "packing", "priority_transfer")
BUILT_IN = ("default", "spread", "locality_first", "lowest_estimated_wait")
SECOND = 1_000_000


def program(tasks: list[TaskSpec], puts: int, gap_us: int) -> Program:
    """A driver that stores some objects of 20 MB, submits tasks at a steady rate and waits for all."""
    objects = {f"in{i}": ObjectSpec(f"in{i}", 20_000_000) for i in range(puts)}
    objects |= {made: ObjectSpec(made, 1_000) for task in tasks for made in task.outputs}
    driver: list[Action] = [Put(f"in{i}") for i in range(puts)]
    for task in tasks:
        driver += [Submit(task.id), Compute(gap_us)]
    driver.append(Wait(tuple(made for task in tasks for made in task.outputs), len(tasks)))
    return Program({task.id: task for task in tasks}, objects, tuple(driver))


def task(i: int, us: int, inputs: tuple[str, ...] = (), hints: Hints = NO_HINTS, gpu: bool = False) -> TaskSpec:
    """One task."""
    demand = Resources.of(GPU=1) if gpu else Resources.of(CPU=1)
    return TaskSpec(f"t{i:03}", inputs, (f"o{i:03}",), demand, (Compute(us),), hints=hints)


def locality() -> tuple[Program, ClusterSpec, dict[str, Any]]:
    """Inputs on the head at first; copies appear where tasks run."""
    tasks = [task(i, SECOND // 5, (f"in{i % 60}",)) for i in range(240)]
    nodes = tuple(NodeSpec(f"n{i}", Resources.of(CPU=cpus)) for i, cpus in enumerate((1, 8, 2, 4)))
    return program(tasks, 60, 15_000), ClusterSpec(nodes, bandwidth_bytes_per_s=500_000_000), {}


def light() -> tuple[Program, ClusterSpec, dict[str, Any]]:
    """Two CPUs' worth of work on sixteen."""
    tasks = [task(i, SECOND // 5) for i in range(60)]
    return program(tasks, 0, 100_000), ClusterSpec(tuple(NodeSpec(f"n{i}", Resources.of(CPU=4)) for i in range(4))), {}


def deadlines() -> tuple[Program, ClusterSpec, dict[str, Any]]:
    """Every third task is due 2 s after it is submitted, the others in a minute; more work than there is room."""
    tasks = [
        task(i, SECOND // 2, hints=Hints(deadline_us=i * 100_000 + (2 * SECOND if i % 3 == 0 else 60 * SECOND)))
        for i in range(120)
    ]
    nodes = tuple(NodeSpec(f"n{i}", Resources.of(CPU=2)) for i in range(2))
    return program(tasks, 0, 100_000), ClusterSpec(nodes), {"threshold": 1_000}


def booting() -> tuple[Program, ClusterSpec, dict[str, Any]]:
    """One GPU task; the node that has a GPU boots for 20 s."""
    nodes = (NodeSpec("n0", Resources.of(CPU=1)), NodeSpec("n1", Resources.of(CPU=1, GPU=1)))
    return (
        program([task(0, SECOND, gpu=True), task(1, SECOND)], 0, 0),
        ClusterSpec(nodes),
        {"booting": ((1, 20 * SECOND),)},
    )


def measured(policy: Policy, workload: tuple[Program, ClusterSpec, dict[str, Any]]) -> dict[str, Any]:
    """Run a workload; times in seconds."""
    work, cluster, options = workload
    submitted: dict[str, int] = {}
    waits: list[int] = []
    late = moved = rejected = last = 0
    used: set[str] = set()

    def observe(now: int, event: Any) -> None:
        nonlocal late, moved, rejected, last
        match event:
            case Submitted(name):
                submitted.setdefault(name, now)
            case Started(name, node):
                waits.append(now - submitted[name])
                used.add(node)
            case BodyEnded(name):
                last = now
                deadline = work.tasks[name].hints.deadline_us
                late += deadline is not None and now > deadline
            case Moved(_, _, size):
                moved += size
            case Rejected():
                rejected += 1
            case _:
                pass

    parameters = ClusterParameters(
        **{"policy": policy, "threshold": 0, "task_us": SECOND // 5, "weight_per_mille": 200, **options},
        timing=Timing(latency_us=300, bandwidth_bytes_per_s=cluster.bandwidth_bytes_per_s),
    )
    Simulation(assemble("proposal", work, cluster, parameters), 0, on_event=observe).run()
    waits.sort()
    return {
        "makespan": round(last / SECOND, 2),
        "mean wait": round(sum(waits) / max(1, len(waits)) / SECOND, 3),
        "p99 wait": round(waits[-1 - len(waits) // 100] / SECOND, 2) if waits else None,
        "MB moved": moved // 1_000_000,
        "late": late,
        "rejected": rejected,
        "nodes": len(used),
    }


def broken(policy: Policy) -> list[str]:
    """The statements that a policy breaks, with scope and length of the shortest counterexample."""
    found = []
    for entry in ENTRIES:
        if not entry.concerns(policy) or entry.scope is not Scope.TINY:
            continue
        scenario = entry.build(policy, {})
        promised = tuple(each for each in entry.build(None, {}).statements if each in PROMISES)
        for statements in (scenario.statements, *((each,) for each in promised)):
            result = explore(scenario, statements)
            if result.verdict is Verdict.VIOLATED and result.violation is not None:
                violation = result.violation
                found.append(f"{violation.statement} ({entry.name}, {len(violation.steps)} steps)")
    return found


def main() -> None:
    """Print the figures."""
    for name in (*BUILT_IN, *NAMES, *LATER):
        policy = load_policy(name if name in BUILT_IN else str(POLICIES / f"{name}.py")).policy
        print(name)
        for workload in (locality, light, deadlines, booting):
            print(f"  {workload.__name__:10}", measured(policy, workload()))
        print("  breaks    ", "; ".join(broken(policy)) or "nothing")


if __name__ == "__main__":
    main()
