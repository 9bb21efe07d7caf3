"""Work of a timed run that never ended: what it waits for, and whether some policy could have let it end.

A run that has come to rest with work left is stalled. Each task that is left is judged from the back: who waits for
objects waits for their makers; who waits for none waits for a place, a turn or room. That is the policy's doing unless
the task fits no node that is alive, or the actors that stay for ever fill the cluster however they are placed.

Not stalled is what the policy gave up by its own `retry`: a figure, as is what waits for its results.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from rayproof.check.measures import Measures
from rayproof.model.graph import ClusterSpec, Get, NodeAffinity, NodeId, NodeSpec, ObjectId, TaskId, TaskKind, Wait
from rayproof.model.graph.labels import allowed_by, labels_of, written
from rayproof.model.graph.program import DRIVER
from rayproof.solver.engine import Limits
from rayproof.solver.instances import Instance, InstanceError, Node, Objective, Occupant
from rayproof.solver.placement import Outcome, best_placement

ROOM_LIMITS = Limits(seconds=None, resource_units=3_000_000)
"""Effort for the question whether actors could all be placed; beyond it nothing is said about them."""

MOST_ASKED = 20
"""Tasks of different demands for which that question is asked."""

MOST_NAMED = 5
"""Tasks that a sentence names."""


@dataclass(frozen=True)
class Waiting:
    """A task that never ended."""

    task: TaskId
    waits_for: str
    """What it waits for, for people."""
    by_policy: bool | None
    """Whether another policy could have let it end; None when that was not decided."""


@dataclass(frozen=True)
class Stall:
    """Everything that never ended in one run."""

    tasks: tuple[Waiting, ...]
    last_decision: str
    """The last placement, after which nothing but what is said here moved."""
    rested_us: int
    """When the last thing moved."""

    @property
    def by_policy(self) -> bool | None:
        """Whether the policy let some work wait for ever; None when that was not decided."""
        found = {waiting.by_policy for waiting in self.tasks}
        return True if True in found else None if None in found else False

    def sentences(self) -> list[str]:
        """For people: the policy's doing first, what no policy could have done apart."""
        lines = []
        for by_policy, what in (
            (True, "never ends"),
            (None, "never ends, and whether another policy would help was not decided"),
            (False, "never ends, whatever the policy"),
        ):
            named = [waiting for waiting in self.tasks if waiting.by_policy is by_policy]
            lines += [f"{each.task} {what}: it {each.waits_for}" for each in named[:MOST_NAMED]]
            if len(named) > MOST_NAMED:
                lines.append(f"... and {len(named) - MOST_NAMED} more")
        return [*lines, f"{self.last_decision}; nothing moved after {self.rested_us / 1e6:.6f} s"]


def stall_of(measures: Measures, dead: Iterable[NodeId] = ()) -> Stall | None:
    """What never ended in a run that came to rest, with these nodes dead by then; None when everything did."""
    found = _Judged(measures, frozenset(dead))
    left = measures.unfinished()
    tasks = [found.waiting(task) for task in left]
    if not measures.driver_done and not measures.rejected and not any(each.by_policy is not False for each in tasks):
        missing = sorted(found.missing(DRIVER))
        what = f"waits for {_named(missing)}" if missing else "waits for objects that were made and are lost"
        tasks.append(Waiting(DRIVER, what, False if left else None))
    if not tasks:
        return None
    decided = measures.last_decision
    last = (
        "no task was ever placed"
        if decided is None
        else f"the last decision: {decided.task} to {found.node_name(decided.node)} at {decided.at_us / 1e6:.6f} s"
    )
    return Stall(tuple(tasks), last, measures.moved_us)


class _Judged:
    """Why each task of a run waits."""

    def __init__(self, measures: Measures, dead: frozenset[NodeId]) -> None:
        self.measures = measures
        self.program = measures.program
        self.cluster: ClusterSpec = measures.cluster
        self.alive = [node for node in self.cluster.nodes if node.id not in dead]
        self.maker = {made: task.id for task in self.program.tasks.values() for made in task.outputs}
        self.left = frozenset(measures.unfinished())
        self._known: dict[TaskId, bool | None] = {}
        self._rooms: dict[object, bool | None] = {}

    def waiting(self, task: TaskId) -> Waiting:
        return Waiting(task, self._waits_for(task), self._by_policy(task))

    def node_name(self, raylet: str) -> str:
        return self.cluster.nodes[int(raylet.removeprefix("raylet"))].id

    def missing(self, task: TaskId) -> frozenset[ObjectId]:
        """Objects that a task or the driver waits for and nobody has made."""
        times = self.measures.times.get(task)
        if task != DRIVER and (times is None or times.began is None):
            wanted = self.program.tasks[task].inputs
        else:
            body = self.program.driver if task == DRIVER else self.program.tasks[task].body
            gets = [action.objects for action in body if isinstance(action, Get | Wait)]
            wanted = tuple(item for objects in gets for item in objects)
        return frozenset(wanted) - self.measures.sealed

    def _waits_for(self, task: TaskId) -> str:
        times = self.measures.times[task]
        missing = sorted(self.missing(task))
        if missing:
            makers = sorted({self.maker[item] for item in missing if item in self.maker})
            what = "waits in its body for" if times.began is not None else "waits for"
            return f"{what} {_named(missing)}" + (f", which {_named(makers)} would make" if makers else "")
        if times.queued is None:
            able = [node.id for node in self._able(task)]
            if not able:
                return f"fits no node: it needs {self._needs(task)}"
            if self._room(task) is False:
                return f"finds no room for {self._needs(task)}: the actors that stay fill the cluster"
            asked = f"it was refused a place {times.asked} times" if times.asked else "the policy was not asked"
            return f"waits for a node ({asked}), though it fits {_named(able)}"
        where = self.node_name(times.node)
        if times.inputs_local is None and self.program.tasks[task].inputs:
            return f"waits on {where} for its inputs to be brought there"
        if times.started is None:
            return f"waits in the queue of {where}" + (
                "" if self._room(task) is not False else ", where the actors that stay leave no room"
            )
        return f"was started on {where} and never ended"

    def _needs(self, task: TaskId) -> str:
        spec = self.program.tasks[task]
        amounts = ", ".join(f"{amount:g} {name}" for name, amount in spec.demand.amounts().items()) or "nothing"
        pinned = isinstance(spec.strategy, NodeAffinity) and not spec.strategy.soft
        labels = " or ".join(map(written, spec.selectors))
        return (
            amounts
            + (f" on {spec.strategy.node}" if pinned and isinstance(spec.strategy, NodeAffinity) else "")
            + (f" where {labels}" if labels else "")
        )

    def _able(self, task: TaskId) -> list[NodeSpec]:
        spec = self.program.tasks[task]
        strategy = spec.strategy
        pinned = strategy.node if isinstance(strategy, NodeAffinity) and not strategy.soft else None
        return [
            node
            for node in self.alive
            if spec.demand.fits(node.total)
            and (pinned is None or node.id == pinned)
            and allowed_by(spec.selectors, labels_of(node))
        ]

    def _by_policy(self, task: TaskId) -> bool | None:
        """Whether what a task waits for in the end is the policy's doing."""
        if task not in self._known:
            # Tasks that wait for each other's results in a circle would be a broken program, which is refused.
            self._known[task] = None
            makers = {self.maker.get(item) for item in self.missing(task)}
            if makers:
                behind = [self._by_policy(maker) for maker in makers if maker is not None and maker in self.left]
                # Whoever waits for what was given up, or is not made yet by a body that is not to blame, is not blamed.
                self._known[task] = True if True in behind else None if None in behind else False
            elif not self._able(task):
                self._known[task] = False
            else:
                self._known[task] = self._room(task)
        return self._known[task]

    def _room(self, task: TaskId) -> bool | None:
        """Whether a task could be placed beside all actors that stay, however these are placed; None: not decided."""
        spec = self.program.tasks[task]
        actors = list(self._actors)
        if spec.kind is not TaskKind.ACTOR_CREATION:
            actors.append(Occupant(task, spec.demand, allowed_nodes=tuple(node.id for node in self._able(task))))
        if not self._actors:
            return True
        asked = tuple((item.demand, item.allowed_nodes) for item in actors)
        if asked not in self._rooms:
            self._rooms[asked] = None if len(self._rooms) >= MOST_ASKED else self._placeable(tuple(actors))
        return self._rooms[asked]

    def _placeable(self, occupants: tuple[Occupant, ...]) -> bool | None:
        nodes = tuple(Node(node.id, node.total, node.labels) for node in self.alive)
        try:
            instance = Instance(nodes, occupants=occupants, objective=Objective.PACKING, name="actors that stay")
        except InstanceError:
            return None
        found = best_placement(instance, limits=ROOM_LIMITS)
        return True if found.seats else False if found.outcome is Outcome.INFEASIBLE else None

    @cached_property
    def _actors(self) -> tuple[Occupant, ...]:
        """Actors that were created or wait to be, as far as they fit anywhere: none of them ever leaves."""
        made = []
        for spec in self.program.tasks.values():
            if spec.kind is TaskKind.ACTOR_CREATION and spec.demand and spec.id in self.measures.times:
                able = self._able(spec.id)
                if able and spec.id not in self.measures.rejected:
                    made.append(Occupant(spec.id, spec.demand, allowed_nodes=tuple(node.id for node in able)))
        return tuple(made)


def _named(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:MOST_NAMED]) + (" ..." if len(listed) > MOST_NAMED else "")
