"""Exhaustive references for tiny instances, written against the definition and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from rayproof.solver.instances import Instance
from rayproof.solver.placement import Seat, placement_faults


def least_makespan(instance: Instance) -> int:
    """The optimal makespan: every order of starts and every assignment, each task as early as it then can.

    Starting tasks one by one in every order, each at its earliest feasible time given those before it, visits all
    active schedules, and some active schedule is optimal.
    """
    best = [sum(task.duration + task.release + sum(instance.predecessors(task).values()) for task in instance.tasks)]
    for nodes in product(*(instance.eligible(task) for task in instance.tasks)):
        home = {task.id: node for task, node in zip(instance.tasks, nodes, strict=True)}
        _extend(instance, home, {}, best)
    return best[0]


def _extend(instance: Instance, home: dict[str, str], starts: dict[str, int], best: list[int]) -> None:
    ends = {name: start + instance.task[name].duration for name, start in starts.items()}
    if ends and max(ends.values()) >= best[0]:
        return
    if len(starts) == len(instance.tasks):
        best[0] = max(ends.values(), default=0)
        return
    for task in instance.tasks:
        before = instance.predecessors(task)
        if task.id in starts or any(name not in starts for name in before):
            continue
        ready = task.release
        for name, delay in before.items():
            ready = max(ready, ends[name] + (delay if home[name] != home[task.id] else 0))
        options = sorted({ready, *(end for end in ends.values() if end > ready)})
        start = next(time for time in options if _has_room(instance, home, starts, task.id, time))
        _extend(instance, home, {**starts, task.id: start}, best)


def _has_room(instance: Instance, home: dict[str, str], starts: dict[str, int], name: str, start: int) -> bool:
    task = instance.task[name]
    capacity = instance.node[home[name]].capacity
    others = [instance.task[other] for other in starts if home[other] == home[name]]
    moments = [start, *(starts[other.id] for other in others if start < starts[other.id] < start + task.duration)]
    for moment in moments if task.duration else []:
        used = task.demand
        for other in others:
            if starts[other.id] <= moment < starts[other.id] + other.duration:
                used = used + other.demand
        if not used.fits(capacity):
            return False
    return True


def all_placements(instance: Instance) -> Iterator[dict[str, Seat]]:
    """Every valid seat for every occupant."""
    choices: list[list[Seat]] = []
    for item in instance.occupants:
        fraction = 0 < item.demand["GPU"] < 10_000
        choices.append(
            [
                (node.id, gpu)
                for node in instance.nodes
                for gpu in (range(node.capacity["GPU"] // 10_000) if fraction else (None,))
            ]
        )
    names = [item.id for item in instance.occupants]
    for seats in product(*choices):
        placed = dict(zip(names, seats, strict=True))
        if not any(placement_faults(instance, placed)):
            yield placed


def fewest_moves(instance: Instance, most: int) -> tuple[int | None, int | None]:
    """(fewest occupants moved in any placement, fewest single moves of any plan of at most `most`), whole GPUs only."""
    homes = {item.id: item.node for item in instance.occupants if item.node is not None}
    static = min((_moved(homes, placed) for placed in all_placements(instance)), default=None)
    movable = {item.id: item.movable for item in instance.occupants}
    frontier, seen = [homes], [homes]
    for count in range(most + 1):
        if any(_admits(instance, state) for state in frontier):
            return static, count
        following = []
        for state in frontier:
            for name, node in product(state, instance.node):
                moved = {**state, name: node}
                if movable[name] and moved not in seen and _valid(instance, moved):
                    seen.append(moved)
                    following.append(moved)
        frontier = following
    return static, None


def _moved(homes: dict[str, str], placed: dict[str, Seat]) -> int:
    return sum(placed[name][0] != node for name, node in homes.items())


def _valid(instance: Instance, state: dict[str, str]) -> bool:
    return not any(placement_faults(instance, {name: (node, None) for name, node in state.items()}, everyone=False))


def _admits(instance: Instance, state: dict[str, str]) -> bool:
    pending = [item.id for item in instance.occupants if item.node is None]
    return any(
        not any(placement_faults(instance, {**{name: (node, None) for name, node in state.items()}, **dict(added)}))
        for nodes in product(instance.node, repeat=len(pending))
        for added in [[(name, (node, None)) for name, node in zip(pending, nodes, strict=True)]]
    )
