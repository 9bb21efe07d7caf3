"""What a policy may answer: every legal node, and how likely each is where Ray draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from rayproof.model.kernel import Name


@dataclass(frozen=True, slots=True)
class Answer:
    """The legal answers of one call; none of them is Nil."""

    nodes: tuple[Name, ...] = ()
    weights: tuple[int, ...] = ()
    """How often each is drawn, relative to the others; empty where the order of a hash container decides."""

    def __bool__(self) -> bool:
        return bool(self.nodes)

    def __contains__(self, node: object) -> bool:
        return node in self.nodes

    @property
    def certain(self) -> Name | None:
        """The only legal answer; None when there is none or a choice."""
        return self.nodes[0] if len(self.nodes) == 1 else None

    def probability(self, node: Name) -> Fraction:
        """How likely a node is; raises `ValueError` where Ray leaves it open."""
        if not self.weights and self.nodes:
            raise ValueError("the order of a hash container decides")
        if node not in self.nodes:
            return Fraction(0)
        return Fraction(self.weights[self.nodes.index(node)], sum(self.weights))


NIL = Answer()
"""No node."""


def exactly(node: Name) -> Answer:
    """One node, for certain."""
    return Answer((node,), (1,))


def drawn(nodes: Sequence[Name]) -> Answer:
    """A fair draw."""
    return Answer(tuple(nodes), (1,) * len(nodes))


def any_of(nodes: Sequence[Name]) -> Answer:
    """Whichever of these comes first in the order of a hash container."""
    return Answer(tuple(nodes)) if len(nodes) != 1 else exactly(nodes[0])
