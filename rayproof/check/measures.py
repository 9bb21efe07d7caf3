"""What a timed run is measured by, folded from the events of its processes.

All times are microseconds of the virtual clock. "Where the time went" is the sum over tasks of the time each spent in
one condition, so that it says where a change would help, not how long the run took.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from rayproof.model.graph import ClusterSpec, ObjectId, Program, TaskId
from rayproof.model.kernel import Name
from rayproof.model.scheduler.paper.events import (
    BodyBegan,
    BodyEnded,
    BodyGoesOn,
    BodyWaits,
    Deferred,
    DriverDone,
    Granted,
    InputsLocal,
    Moved,
    Queued,
    Rejected,
    Sealed,
    Started,
    Submitted,
)


@dataclass
class Times:
    """When one task went through what; None while it has not."""

    submitted: int | None = None
    deferred: int | None = None
    granted: int | None = None
    queued: int | None = None
    inputs_local: int | None = None
    started: int | None = None
    began: int | None = None
    ended: int | None = None
    waits_since: int | None = None
    waited: int = 0
    node: Name = ""
    asked: int = 0
    """How often it was told to wait."""


@dataclass(frozen=True)
class Decision:
    """One placement."""

    task: TaskId
    node: Name
    at_us: int


CONDITIONS = (
    "queueing",
    "transfer",
    "execution",
    "startup",
    "blocked_in_get",
    "control_messages",
    "scheduling_decisions",
)
"""Where a task's time can go."""


@dataclass
class Measures:
    """Folds events into the figures of one run."""

    program: Program
    cluster: ClusterSpec
    setup: frozenset[TaskId]
    decision_us: int
    times: dict[TaskId, Times] = field(default_factory=dict)
    bytes_moved: int = 0
    decisions: int = 0
    driver_done: bool = False
    last_us: int = 0
    origin_us: int | None = None
    rejected: set[TaskId] = field(default_factory=set)
    """Tasks that were given up, by the policy or because what they need is gone for ever."""
    sealed: set[ObjectId] = field(default_factory=set)
    """Objects that were made, whether or not a copy is left."""
    last_decision: Decision | None = None
    moved_us: int = 0
    """When something last happened to a task or an object."""

    def observe(self, now: int, event: Any) -> None:
        """Fold one event."""
        if not isinstance(event, Deferred):
            self.moved_us = now
        match event:
            case Submitted(task):
                times = self.times.setdefault(task, Times())
                if times.submitted is None:
                    times.submitted = now
                if self.origin_us is None and task not in self.setup:
                    self.origin_us = now
            case Deferred(task):
                times = self.times.setdefault(task, Times())
                self.decisions += 1
                times.asked += 1
                if times.deferred is None:
                    times.deferred = now
            case Granted(task, node):
                self.decisions += 1
                self.times.setdefault(task, Times()).granted = now
                self.last_decision = Decision(task, node, now)
            case Rejected(task):
                self.rejected.add(task)
            case Sealed(made):
                self.sealed.add(made)
            case Queued(task, node):
                times = self.times.setdefault(task, Times())
                times.queued, times.node = now, node
            case InputsLocal(task):
                times = self.times[task]
                if times.inputs_local is None or (times.queued or 0) > times.inputs_local:
                    times.inputs_local = now
            case Started(task):
                times = self.times[task]
                times.started = times.began = now
            case BodyBegan(task):
                self.times[task].began = now
            case BodyWaits(task) if task in self.times:
                self.times[task].waits_since = now
            case BodyGoesOn(task) if task in self.times:
                times = self.times[task]
                times.waited += now - (times.waits_since or now)
            case BodyEnded(task):
                self.times[task].ended = now
                self.last_us = now
            case Moved(_, _, size):
                self.bytes_moved += size
            case DriverDone():
                self.driver_done = True
                self.last_us = max(self.last_us, now)
            case _:
                pass

    # ---- figures ----------------------------------------------------------------------------------------------------

    @property
    def makespan_us(self) -> int | None:
        """From the first submit that is not set-up to the last end of a body or the driver; None if it never ends."""
        return self.last_us - (self.origin_us or 0) if self.driver_done else None

    def unfinished(self) -> list[TaskId]:
        """Tasks that were submitted, never ended and were not given up."""
        return [task for task, times in self.times.items() if times.ended is None and task not in self.rejected]

    def most_waiting(self) -> int:
        """The most tasks that were in the queue of one node at one time."""
        changes: dict[str, list[tuple[int, int]]] = {}
        for times in self.times.values():
            if times.queued is not None:
                ends = self.moved_us + 1 if times.started is None else times.started
                # A start sorts after an arrival of the same moment: both were in the queue.
                changes.setdefault(times.node, []).extend([(times.queued, 0), (ends, 1)])
        return max(
            (max(accumulate(1 - 2 * end for _, end in sorted(edges))) for edges in changes.values()),
            default=0,
        )

    def waits_us(self) -> list[int]:
        """For each task that started, the time from its submission to its start; ascending."""
        return sorted(
            times.started - times.submitted
            for task, times in self.times.items()
            if task not in self.setup and times.started is not None and times.submitted is not None
        )

    def breakdown_us(self) -> dict[str, int]:
        """Time by condition, summed over tasks."""
        total = dict.fromkeys(CONDITIONS, 0)
        for task, times in self.times.items():
            if task in self.setup or times.submitted is None or times.ended is None:
                continue
            spent = self._spent(task, times)
            for condition, duration in spent.items():
                total[condition] += duration
        return total

    def _spent(self, task: TaskId, times: Times) -> dict[str, int]:
        assert times.submitted is not None and times.queued is not None and times.ended is not None
        assert times.started is not None and times.began is not None
        decided = times.queued if times.granted is None else times.granted
        first_answer = decided if times.deferred is None else min(times.deferred, decided)
        decision = min(self.decision_us, first_answer - times.submitted)
        here = times.queued if times.inputs_local is None else max(times.inputs_local, times.queued)
        return {
            "scheduling_decisions": decision,
            "control_messages": first_answer - times.submitted - decision + times.queued - decided,
            "transfer": here - times.queued,
            "queueing": decided - first_answer + max(0, times.started - here),
            "startup": times.began - times.started,
            "blocked_in_get": times.waited,
            "execution": times.ended - times.began - times.waited,
        }

    def busy_by_node_us(self, names: Mapping[Name, int]) -> list[int]:
        """CPU time used on each node: execution times demand, in fixed-point units times microseconds."""
        busy = [0] * len(self.cluster.nodes)
        for task, times in self.times.items():
            if times.ended is not None and times.began is not None and times.node in names:
                demand = self.program.tasks[task].demand.fixed("CPU")
                busy[names[times.node]] += demand * (times.ended - times.began - times.waited)
        return busy

    def utilisation(self, names: Mapping[Name, int]) -> float | None:
        """Share of the cluster's CPU time that was used."""
        capacity = sum(node.total.fixed("CPU") for node in self.cluster.nodes)
        if not capacity or not self.makespan_us:
            return None
        return sum(self.busy_by_node_us(names)) / (capacity * self.makespan_us)

    def imbalance(self, names: Mapping[Name, int]) -> float | None:
        """The busiest node's share of used CPU time over the mean of all nodes; 1 is perfect balance."""
        shares = [
            busy / node.total.fixed("CPU")
            for busy, node in zip(self.busy_by_node_us(names), self.cluster.nodes, strict=True)
            if node.total.fixed("CPU")
        ]
        mean = sum(shares) / len(shares) if shares else 0
        return max(shares) / mean if mean else None


def percentile(ascending: list[int], share: float) -> int | None:
    """The smallest value that at least this share of the values does not exceed; None of nothing.

    >>> percentile([1, 2, 3, 4], 0.5), percentile([], 0.5)
    (2, None)
    """
    if not ascending:
        return None
    rank = -(-len(ascending) * round(share * 1000) // 1000)
    return ascending[max(rank, 1) - 1]
