"""What public wishes and the notes' ideas come to on today's Ray: the figures of `docs/proposals.md`.

    python -m benchmarks.wishes

One workload for each wish, which says what it needs in hints and labels; the same processes that `rayproof check` runs
on the clock, policies in the raylets, the median of five seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from rayproof.check.measures import percentile
from rayproof.check.today import TIMES, TodayMeasures
from rayproof.model.cluster.ray2 import TodayParameters, assemble
from rayproof.model.graph import (
    Action,
    ClusterSpec,
    Compute,
    Get,
    Hints,
    NodeAffinity,
    NodeSpec,
    ObjectSpec,
    Program,
    Resources,
    Submit,
    TaskSpec,
    Wait,
)
from rayproof.model.graph.labels import selector_of
from rayproof.model.kernel import Simulation, Timing
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.policies import load_policy

POLICIES = Path(__file__).parents[1] / "examples" / "policies"
SECOND = 1_000_000
SEEDS = 5
CPU = Resources.of(CPU=1)

Told = Callable[[TodayMeasures, Program], dict[str, Any]]


@dataclass(frozen=True)
class Wish:
    """A workload, the policies that it is for beside DEFAULT, and what is told of a run."""

    name: str
    program: Program
    cluster: ClusterSpec
    policies: tuple[str, ...]
    told: Told


def nodes(*totals: Resources, labels: Mapping[int, tuple[tuple[str, str], ...]] | None = None) -> ClusterSpec:
    """A cluster; the driver is on the first node."""
    given = labels or {}
    return ClusterSpec(tuple(NodeSpec(f"n{i}", total, given.get(i, ())) for i, total in enumerate(totals)))


def task(name: str, seconds: float, function: str, demand: Resources = CPU, **more: Any) -> TaskSpec:
    """A task with a small result."""
    body = (Compute(round(seconds * SECOND)),)
    return TaskSpec(name, (), (f"o-{name}",), demand, body, name=function, **more)


def program(*steps: TaskSpec | float) -> Program:
    """A driver that submits tasks and sleeps in between (seconds), and gets all results."""
    tasks = {step.id: step for step in steps if isinstance(step, TaskSpec)}
    driver: list[Action] = [
        Submit(step.id) if isinstance(step, TaskSpec) else Compute(round(step * SECOND)) for step in steps
    ]
    objects = {made: ObjectSpec(made, 1_000) for each in tasks.values() for made in each.outputs}
    return Program(tasks, objects, (*driver, Get(tuple(objects))), "wish")


def waits(measures: TodayMeasures, chosen: Callable[[TaskSpec], bool]) -> list[int]:
    """How long tasks waited from their submission to the beginning of the body that ended, ascending."""
    return sorted(
        (times.began or 0) - (times.submitted or 0)
        for name, times in measures.times.items()
        if chosen(measures.program.tasks[name])
    )


def in_s(values: list[int], share: float) -> float:
    """A percentile in seconds."""
    return round((percentile(values, share) or 0) / SECOND, 2)


def fair_share() -> Wish:
    """Two jobs: one submits 60 tasks at once, the other one a task every half second."""
    big = [task(f"a{i:02}", 0.5, "f", hints=Hints(job="big")) for i in range(60)]
    small = [task(f"b{i:02}", 0.5, "f", hints=Hints(job="small")) for i in range(10)]
    steps: list[TaskSpec | float] = [*big]
    for each in small:
        steps += [0.5, each]

    def told(measures: TodayMeasures, _: Program) -> dict[str, Any]:
        return {
            f"{job} p50 wait s": in_s(waits(measures, lambda each, job=job: each.hints.job == job), 0.5)  # type: ignore[misc]
            for job in ("small", "big")
        }

    return Wish("fair share", program(*steps), nodes(Resources.of(CPU=4)), ("fair_share",), told)


def priorities(seconds: int = 3, count: int = 16) -> Wish:
    """Long tasks fill two nodes; a short urgent one comes every second."""
    long = [task(f"a{i:02}", seconds, "long") for i in range(count)]
    urgent = [task(f"u{i:02}", 0.2, "short", hints=Hints(priority=1)) for i in range(10)]
    steps: list[TaskSpec | float] = [*long]
    for each in urgent:
        steps += [1.0, each]

    def told(measures: TodayMeasures, _: Program) -> dict[str, Any]:
        of_urgent = waits(measures, lambda each: each.hints.priority == 1)
        return {
            "urgent p50 wait s": in_s(of_urgent, 0.5),
            "urgent p99 wait s": in_s(of_urgent, 0.99),
            "ended": len(measures.preempted),
            "work lost s": round(sum(measures.preempted) / SECOND, 2),
        }

    policies = ("priority_preemption", "soft_deadline")
    return Wish(f"priorities, {seconds} s", program(*steps), nodes(*[Resources.of(CPU=2)] * 2), policies, told)


def longer() -> Wish:
    """The same with tasks of 20 s."""
    return priorities(20, 8)


def labels() -> Wish:
    """The driver's node alone has a fast disk: tasks that would rather run there, and others that ask for nothing."""
    asked = tuple(selector_of(each) for each in ({"disk": "ssd"}, {"disk": "!ssd"}))
    plain = [task(f"p{i:02}", 1, "plain") for i in range(24)]
    asking = [task(f"s{i:02}", 1, "asking", selectors=asked) for i in range(8)]
    steps: list[TaskSpec | float] = []
    for i, each in enumerate(plain):
        steps += [each, 0.15]
        if i % 3 == 2:
            steps += [asking[i // 3], 0.15]

    def told(measures: TodayMeasures, work: Program) -> dict[str, Any]:
        near = sum(
            times.node == "raylet0" for name, times in measures.times.items() if measures.program.tasks[name].selectors
        )
        of_asking = waits(measures, lambda each: bool(each.selectors))
        return {"of 8 near the disk": near, "their p50 wait s": in_s(of_asking, 0.5)}

    where = nodes(*[Resources.of(CPU=2)] * 4, labels={0: (("disk", "ssd"),)})
    return Wish("labels", program(*steps), where, ("label_affinity",), told)


def memory() -> Wish:
    """Tasks of 1 GB, six at a time, on nodes of 4, 8 and 16 GB with CPUs to spare."""

    def told(measures: TodayMeasures, work: Program) -> dict[str, Any]:
        held = {f"raylet{i}": node.total["memory"] for i, node in enumerate(cluster.nodes)}
        fullest: dict[str, float] = dict.fromkeys(held, 0.0)
        for name in held:
            on = [(t, measures.times[t]) for t in measures.times if measures.times[t].node == name]
            moments = [times.began or 0 for _, times in on]
            used = [
                sum(work.tasks[t].demand["memory"] for t, times in on if (times.began or 0) <= at < (times.ended or 0))
                for at in moments
            ]
            fullest[name] = max(used, default=0) / held[name]
        return {"fullest node %": round(100 * max(fullest.values()))}

    cluster = nodes(*(Resources.from_amounts({"CPU": 16, "memory": gb * 1e9}) for gb in (4, 8, 16)))
    need = Resources.from_amounts({"CPU": 1, "memory": 1e9})
    steps: list[TaskSpec | float] = []
    for i in range(30):
        steps += [task(f"m{i:02}", 1.5, "large", need), 0.25]
    return Wish("memory", program(*steps), cluster, ("memory_aware_spread", "spread"), told)


def transfers() -> Wish:
    """A node needs ten objects of 60 MB for ordinary tasks, and small ones for urgent ones."""
    sizes: dict[str, int] = {}
    tasks: dict[str, TaskSpec] = {}
    here, there = NodeAffinity("n0"), NodeAffinity("n1")
    for i in range(10):
        sizes |= {f"l{i}": 60_000_000, f"s{i}": 1_000_000}
    tasks["make"] = TaskSpec("make", (), tuple(sizes), Resources(), (Compute(0),), there, name="make")
    driver: list[Action] = [Submit("make"), Wait(tuple(sizes), len(sizes))]
    for i in range(10):
        for kind, priority in (("l", 0), ("s", 1)):
            reader = f"r-{kind}{i}"
            tasks[reader] = TaskSpec(
                reader, (f"{kind}{i}",), (f"o-{reader}",), Resources(), (Compute(0),), here, name=kind,
                hints=Hints(priority=priority),
            )  # fmt: skip
            driver.append(Submit(reader))
    made = {name: ObjectSpec(name, size) for name, size in sizes.items()}
    made |= {each.outputs[0]: ObjectSpec(each.outputs[0], 1_000) for each in tasks.values() if each.id != "make"}
    driver.append(Get(tuple(name for name in made if name not in sizes)))

    def told(measures: TodayMeasures, _: Program) -> dict[str, Any]:
        return {
            f"{what} p50 wait s": in_s(waits(measures, lambda each, name=name: each.name == name), 0.5)  # type: ignore[misc]
            for what, name in (("urgent", "s"), ("large", "l"))
        }

    policies = ("priority_transfer", "urgent_channel")
    where = nodes(Resources.of(CPU=4), Resources.of(CPU=4))
    return Wish("transfers", Program(tasks, made, tuple(driver), "wish"), where, policies, told)


def patience() -> Wish:
    """Tasks that wait behind long ones: who is given up, and what the others wait."""
    steps: list[TaskSpec | float] = [task(f"a{i}", 6, "long") for i in range(4)]
    for i in range(12):
        steps += [0.5, task(f"b{i:02}", 0.5, "short")]

    def told(measures: TodayMeasures, _: Program) -> dict[str, Any]:
        ended = {name for name, times in measures.times.items() if times.ended is not None}
        short = waits(measures, lambda each: each.name == "short" and each.id in ended)
        return {"given up": len(measures.rejected), "short p50 wait s": in_s(short, 0.5)}

    policies = ("backoff_three", "three_seconds")
    return Wish("waits too long", program(*steps), nodes(Resources.of(CPU=4)), policies, told)


def measured(wish: Wish, policy: Policy | None, seed: int) -> dict[str, Any]:
    """One run."""
    parameters = TodayParameters(
        policy=policy,
        workers=24,
        times=replace(TIMES, kills_idle=False),
        timing=Timing(latency_us=300, local_latency_us=100, jitter_us=100, bandwidth_bytes_per_s=300_000_000),
    )
    measures = TodayMeasures(wish.program, wish.cluster, frozenset(), 0)
    scenario = assemble("wish", wish.program, wish.cluster, parameters)
    Simulation(scenario, seed, on_event=measures.observe).run(until_us=3_600 * SECOND)
    makespan = None if measures.makespan_us is None else round(measures.makespan_us / SECOND, 2)
    return {"makespan s": makespan, **wish.told(measures, wish.program)}


def main() -> None:
    """Print the figures as tables."""
    for made in (fair_share, priorities, longer, labels, memory, transfers, patience):
        wish = made()
        rows = []
        for name in ("default", *wish.policies):
            path = POLICIES / f"{name}.py"
            policy = None if name == "default" else load_policy(str(path) if path.is_file() else name).policy
            runs = [measured(wish, policy, seed) for seed in range(SEEDS)]
            rows.append({key: median(run[key] for run in runs) for key in runs[0]} | {"policy": name})
        columns = [key for key in rows[0] if key != "policy"]
        print(f"\n{wish.name}: {(made.__doc__ or '').strip()}\n")
        print(f"| policy | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
        for row in rows:
            print(f"| `{row['policy']}` | {' | '.join(f'{row[key]:g}' for key in columns)} |")


if __name__ == "__main__":
    main()
