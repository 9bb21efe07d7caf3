"""The event encoding, for few tasks whose times have no useful common step.

Starts are integers. A node can be overfull only from the start of one of its tasks, so capacities are stated there:
what runs when task i starts, on its node, fits beside it. The size is quadratic in the tasks whatever the times.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from rayproof.solver.bounds.pools import pools
from rayproof.solver.bounds.windows import raised_windows
from rayproof.solver.engine import Answer, Budget
from rayproof.solver.engine.integer import IntegerSolver
from rayproof.solver.instances import Indexed

EVENT_TASKS = 40
"""Above this many tasks rounding grids do better."""

Slots: TypeAlias = tuple[tuple[int, int], ...]


def narrow(
    indexed: Indexed, lower: int, upper: int, budget: Budget, seed: int = 0
) -> Iterator[tuple[int, Slots | None]]:
    """(certified lower bound, improved slots or None) as [lower, upper] us narrows, by bisection."""
    if indexed.n > EVENT_TASKS or lower >= upper:
        return
    solver = IntegerSolver(_text(indexed), seed)
    while lower < upper:
        # Optima are sums of lengths: close to a bound they lie dense, so the last steps go down from above.
        middle = upper - 1 if upper - lower < 8 else (lower + upper) // 2
        answer = solver.check(budget, "makespan", middle)
        if answer is Answer.UNKNOWN:
            return
        if answer is Answer.UNSAT:
            lower = middle + 1
            yield lower, None
            continue
        slots = tuple((_node(indexed, solver, task), solver.integer(f"s{task}")) for task in range(indexed.n))
        upper = max(start + indexed.durations[task] for task, (_, start) in enumerate(slots))
        yield lower, slots


def _node(indexed: Indexed, solver: IntegerSolver, task: int) -> int:
    eligible = indexed.eligible[task]
    return eligible[0] if len(eligible) == 1 else next(node for node in eligible if solver.holds(f"a{task}_{node}"))


def _text(indexed: Indexed) -> str:
    lines = ["(declare-const makespan Int)"]
    windows = raised_windows(indexed, pools(indexed))
    for task, eligible in enumerate(indexed.eligible):
        lines.append(f"(declare-const s{task} Int)")
        lines.append(f"(assert (>= s{task} {windows.heads[task]}))")
        lines.append(f"(assert (<= (+ s{task} {indexed.durations[task] + windows.tails[task]}) makespan))")
        if len(eligible) > 1:
            names = [f"a{task}_{node}" for node in eligible]
            lines.extend(f"(declare-const {name} Bool)" for name in names)
            lines.append(f"(assert (or {' '.join(names)}))")
            lines.append(f"(assert ((_ at-most 1) {' '.join(names)}))")
    for task in range(indexed.n):
        lines.extend(_precedence(indexed, task))
    reaches = _reachable(indexed)
    for task in range(indexed.n):
        lines.extend(_capacity(indexed, task, reaches))
    return "\n".join(lines)


def _on(indexed: Indexed, task: int, node: int) -> str:
    if node not in indexed.eligible[task]:
        return "false"
    return "true" if len(indexed.eligible[task]) == 1 else f"a{task}_{node}"


def _precedence(indexed: Indexed, task: int) -> Iterator[str]:
    for before, delay in indexed.preds[task].items():
        ended = f"(+ s{before} {indexed.durations[before]})"
        yield f"(assert (<= {ended} s{task}))"
        if not delay:
            continue
        nodes = set(indexed.eligible[before]) & set(indexed.eligible[task])
        together = " ".join(f"(and {_on(indexed, before, node)} {_on(indexed, task, node)})" for node in sorted(nodes))
        yield f"(assert (or {together} (<= (+ {ended} {delay}) s{task})))"


def _capacity(indexed: Indexed, task: int, reaches: list[set[int]]) -> Iterator[str]:
    if not indexed.durations[task] or not any(indexed.demand[task]):
        return
    others = [
        other
        for other in range(indexed.n)
        if other != task
        and indexed.durations[other]
        and other not in reaches[task]
        and task not in reaches[other]
        and set(indexed.eligible[other]) & set(indexed.eligible[task])
    ]
    for other in others:
        # Running when `task` starts; of two that start together the lower number counts as the earlier.
        earlier = "<=" if other < task else "<"
        yield f"(declare-const o{other}_{task} Bool)"
        runs = f"({earlier} s{other} s{task}) (< s{task} (+ s{other} {indexed.durations[other]}))"
        yield f"(assert (=> (and {runs}) o{other}_{task}))"
    for node in indexed.eligible[task]:
        for resource, demand in enumerate(indexed.demand[task]):
            room = indexed.capacity[node][resource] - demand
            drawing = [other for other in others if indexed.demand[other][resource] and node in indexed.eligible[other]]
            weights = [indexed.demand[other][resource] for other in drawing]
            if not demand or sum(weights) <= room:
                continue
            terms = " ".join(f"(and o{other}_{task} {_on(indexed, other, node)})" for other in drawing)
            numbers = " ".join(map(str, weights))
            yield f"(assert (=> {_on(indexed, task, node)} ((_ pble {room} {numbers}) {terms})))"


def _reachable(indexed: Indexed) -> list[set[int]]:
    """Per task its ancestors, which have ended when it starts."""
    ancestors: list[set[int]] = [set() for _ in range(indexed.n)]
    for task in indexed.order:
        for before in indexed.preds[task]:
            ancestors[task] |= ancestors[before] | {before}
    return ancestors
