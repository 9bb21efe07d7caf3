"""A policy of the model put to the bursts on which `rayproof.solver.worst` judges.

A burst's node works off one task after the other, so it is a node of one CPU: it has room while its queue is empty. A
policy that lets a task wait is asked again when the next queue has run empty. The memory and the draws begin anew with
each burst, so that equal bursts are placed alike.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from math import lcm
from random import Random

from rayproof.model.graph import Default, Resources
from rayproof.model.graph.resources import UNIT
from rayproof.model.kernel import Context, Name, PolicyError
from rayproof.model.scheduler.policy.hooks import (
    ClusterView,
    NodeView,
    Policy,
    TaskView,
    ask,
    initial_memory,
    policy_name,
)
from rayproof.model.scheduler.ray import Argument, critical_utilization
from rayproof.policies import require_settled
from rayproof.solver.worst.burst import Number, View

ONE_CPU = Resources.of(CPU=1)
WIDE = 1_000_000
"""CPUs of a node that has room for any burst."""


class Loads(Enum):
    """What the policy is told of a queue."""

    ESTIMATED = "tasks queued, and the average length of all"
    EXACT = "as many tasks of the smallest unit as the true load has"


@dataclass
class Chooser:
    """Places a burst by a policy; the callable that `worst_by_search` takes."""

    policy: Policy
    loads: Loads = Loads.ESTIMATED
    wide: bool = False
    """Whether nodes have room for the whole burst."""
    _memory: Hashable = field(default=(), init=False)
    _context: Context = field(default_factory=lambda: _draws(), init=False)

    def __call__(self, view: View) -> int:
        """The node of the task in view. Raises `PolicyError` when it breaks a rule or never takes a node."""
        if not any(view.queued):
            self._memory = initial_memory(self.policy)
            self._context = _draws()
        for now in sorted({Fraction(0), *(Fraction(load) for load in view.loads)}):
            node = self._ask(view, now)
            if node is not None:
                return int(node.removeprefix("raylet"))
        raise PolicyError("progress", f"policy {policy_name(self.policy)} lets a task wait though every node is free")

    def settle(self) -> None:
        """Raise `PolicyError` when the policy answers otherwise what it was asked so far."""
        require_settled(self.policy)

    def _ask(self, view: View, now: Fraction) -> Name | None:
        numbers: list[Number] = [*view.loads, view.task.transfer, view.average]
        scale = lcm(*(Fraction(number).denominator for number in numbers))
        nodes = tuple(self._node(view, at, now, scale) for at in range(len(view.loads)))
        transfer = int(view.task.transfer * scale)
        task = TaskView("t", "task", ONE_CPU, ("input",) if transfer else (), Default(), again=False)
        question = ClusterView(
            nodes,
            nodes,
            "raylet0",
            1_000_000,
            transfer,
            {f"raylet{view.task.home}": transfer} if transfer else {},
            sorted((node.queued_us, node.index) for node in nodes),
            sorted((node.utilization, node.index) for node in nodes),
            {node.name: node.index for node in nodes},
            (Argument(transfer, (f"raylet{view.task.home}",)),) if transfer else (),
        )
        names = {node.name for node in nodes}
        answer, self._memory = ask(
            self.policy, task, question, self._memory, self._context, legal=names.__contains__, repeats=1
        )
        return answer

    def _node(self, view: View, at: int, now: Fraction, scale: int) -> NodeView:
        """Node `at` when `now` has passed since the burst came; queues that have run empty are empty."""
        left = max(Fraction(0), view.loads[at] - now)
        exact = self.loads is Loads.EXACT
        queued = int(left * scale) if exact else view.queued[at] if left or not now else 0
        total = Resources.of(CPU=WIDE) if self.wide else ONE_CPU
        free = (WIDE - view.queued[at]) * UNIT if self.wide else UNIT if not left else 0
        available = {"CPU": free}
        return NodeView(
            f"raylet{at}",
            f"n{at}",
            at,
            total,
            (),
            available,
            queued,
            1 if exact else int(view.average * scale),
            critical_utilization(total, available),
            alive=True,
        )


def _draws() -> Context:
    """A context whose draws are the same in each burst."""
    random = Random(0)
    return Context(lambda count, fair: random.randrange(count) if fair else 0, lambda affordable: False)
