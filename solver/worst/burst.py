"""The instances that abstract policies are judged on: a burst of independent tasks, placed one by one as they come.

A task runs `length` wherever it is put, plus `transfer` when it is not at its home, where its input is. A node works
off what it is given one after the other, so the makespan is the largest load; the optimum sees all tasks beforehand.
Numbers are exact. Transfers are at most the optimum: beyond, one remote task makes any ratio.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

Number: TypeAlias = Fraction | int
"""An exact amount of time."""


@dataclass(frozen=True, slots=True)
class BurstTask:
    """One task of a burst."""

    length: Number
    home: int = 0
    transfer: Number = 0

    def cost(self, node: int) -> Number:
        """What it adds to a node's load."""
        return self.length if node == self.home else self.length + self.transfer


@dataclass(frozen=True, slots=True)
class View:
    """What a policy sees when it places a task: the queues so far, and the average length of all tasks of the burst.

    The average stands for the scheduler's smoothed estimate, which long runs of such bursts converge to.
    """

    task: BurstTask
    loads: tuple[Number, ...]
    queued: tuple[int, ...]
    average: Fraction


Policy: TypeAlias = Callable[[View], int]
"""Chooses the node of the task in view."""


@dataclass(frozen=True)
class Burst:
    """Tasks in the order of their arrival, on so many nodes."""

    tasks: tuple[BurstTask, ...]
    nodes: int

    def to_json(self) -> dict[str, Any]:
        """Exact numbers as strings."""
        return {
            "nodes": self.nodes,
            "tasks": [
                {"length": str(task.length), "home": task.home, "transfer": str(task.transfer)} for task in self.tasks
            ],
        }


def placed(burst: Burst, policy: Policy) -> tuple[int, ...]:
    """The node of each task when the policy places them in their order. `ValueError` if it names none of the nodes."""
    loads: list[Number] = [0] * burst.nodes
    queued = [0] * burst.nodes
    average = Fraction(sum(task.length for task in burst.tasks)) / max(1, len(burst.tasks))
    found = []
    for task in burst.tasks:
        node = policy(View(task, tuple(loads), tuple(queued), average))
        if not 0 <= node < burst.nodes:
            raise ValueError(f"the policy chose node {node}: expected 0 to {burst.nodes - 1}")
        loads[node] += task.cost(node)
        queued[node] += 1
        found.append(node)
    return tuple(found)


def loads_of(burst: Burst, nodes: Sequence[int]) -> list[Number]:
    """What each node is given in a placement."""
    loads: list[Number] = [0] * burst.nodes
    for task, node in zip(burst.tasks, nodes, strict=True):
        loads[node] += task.cost(node)
    return loads


def makespan(burst: Burst, nodes: Sequence[int]) -> Number:
    """The largest load of a placement."""
    return max(loads_of(burst, nodes))


LOOKS = 1_000
"""Branches between two looks at the time."""


def optimal_placement(burst: Burst, look_at_the_time: Callable[[], None] = lambda: None) -> tuple[int, ...]:
    """A placement of least makespan, by depth-first search over all; what looks at the time may raise to end it."""
    best: list[tuple[int, ...]] = [placed(burst, _least_loaded)]
    limit = makespan(burst, best[0])
    order = sorted(range(len(burst.tasks)), key=lambda at: -burst.tasks[at].length)
    loads: list[Number] = [0] * burst.nodes
    chosen = [0] * len(order)
    branches = 0

    def descend(at: int) -> None:
        nonlocal limit, branches
        branches += 1
        if not branches % LOOKS:
            look_at_the_time()
        if at == len(order):
            limit = max(loads)
            best[0] = tuple(chosen)
            return
        task = burst.tasks[order[at]]
        for node in range(burst.nodes):
            cost = task.cost(node)
            if loads[node] + cost < limit:
                loads[node] += cost
                chosen[order[at]] = node
                descend(at + 1)
                loads[node] -= cost

    descend(0)
    return best[0]


def ratio(burst: Burst, policy: Policy) -> Fraction:
    """Makespan under the policy over the least one; 1 when nothing takes time.

    `ValueError` when a transfer exceeds the least makespan.
    """
    least = makespan(burst, optimal_placement(burst))
    if any(task.transfer > least for task in burst.tasks):
        raise ValueError("expected transfers of at most the least makespan")
    return Fraction(makespan(burst, placed(burst, policy))) / least if least else Fraction(1)


def _least_loaded(view: View) -> int:
    return min(range(len(view.loads)), key=lambda node: (view.loads[node] + view.task.cost(node), node))
