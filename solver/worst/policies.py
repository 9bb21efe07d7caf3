"""Abstract policies twice: as a plain function on exact numbers, and as the score whose minimum the solver takes.

Each is a reading of a scheduler as a formula on queues that stand still while a burst is placed; it is not the
scheduler. Ties go to the lowest node.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

from rayproof.solver.worst.burst import View

Term: TypeAlias = Any
"""A Z3 real, or a number: the same arithmetic serves both."""


@dataclass(frozen=True)
class NodeTerms:
    """What a score may use, per node: the load so far, tasks queued times the average length, and the transfer."""

    load: Term
    queue: Term
    transfer: Term
    length: Term


@dataclass(frozen=True)
class AbstractPolicy:
    """A policy that sends each task to the node of least score, the lowest of equals."""

    name: str
    score: Callable[[NodeTerms], Term] | None
    """None: tasks go round the nodes in turn."""
    has_transfers: bool
    """Whether tasks of its instances have homes and transfers."""
    sorted: bool = False
    """Whether it takes the tasks longest first."""

    def choose(self, view: View) -> int:
        """The node for the task in view."""
        nodes = range(len(view.loads))
        if self.score is None:
            return sum(view.queued) % len(nodes)
        scores: list[Term] = [
            self.score(
                NodeTerms(
                    view.loads[node],
                    view.queued[node] * view.average,
                    0 if node == view.task.home else view.task.transfer,
                    view.task.length,
                )
            )
            for node in nodes
        ]
        return min(nodes, key=lambda node: (scores[node], node))


def least_load() -> AbstractPolicy:
    """Graham's list scheduling of independent tasks (1966): worst ratio 2 - 1/m."""
    return AbstractPolicy("least_load", lambda node: node.load, has_transfers=False)


def lpt() -> AbstractPolicy:
    """Longest first, to the least loaded (Graham 1969): worst ratio 4/3 - 1/(3m)."""
    return AbstractPolicy("lpt", lambda node: node.load, has_transfers=False, sorted=True)


def spread() -> AbstractPolicy:
    """Ray's SPREAD while every node is available: round robin, whatever the tasks."""
    return AbstractPolicy("spread", None, has_transfers=False)


def locality_first() -> AbstractPolicy:
    """To the node with the input, whatever its queue."""
    return AbstractPolicy("locality_first", lambda node: node.transfer, has_transfers=True)


def lowest_estimated_wait() -> AbstractPolicy:
    """The global scheduler of OSDI 2018, section 4.2.2: tasks queued times average length, plus transfer time."""
    return AbstractPolicy("lowest_estimated_wait", lambda node: node.queue + node.transfer, has_transfers=True)


def earliest_completion() -> AbstractPolicy:
    """Minimum completion time: the true load, plus transfer, plus length."""
    return AbstractPolicy(
        "earliest_completion", lambda node: node.load + node.transfer + node.length, has_transfers=True
    )


def alpha_beta(alpha: Fraction = Fraction(1), beta: Fraction = Fraction(1)) -> AbstractPolicy:
    """score = alpha * load + beta * transfer: balance against locality."""
    return AbstractPolicy(
        f"alpha_beta({alpha}, {beta})", lambda node: alpha * node.load + beta * node.transfer, has_transfers=True
    )


ABSTRACT: dict[str, Callable[[], AbstractPolicy]] = {
    "least_load": least_load,
    "lpt": lpt,
    "spread": spread,
    "locality_first": locality_first,
    "lowest_estimated_wait": lowest_estimated_wait,
    "earliest_completion": earliest_completion,
    "alpha_beta": alpha_beta,
}
"""By the names a command line gives."""
