"""What a refusal can rest on, each a fact of the instance that might have been otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from rayproof.model.graph import NodeId, Resources
from rayproof.model.graph.resources import UNIT
from rayproof.solver.instances import GroupStrategy


@dataclass(frozen=True, slots=True)
class Needs:
    """It asks for an amount of a resource."""

    who: str
    resource: str
    amount: int
    """In units of 1e-4."""

    def __str__(self) -> str:
        return f"{self.resource}:{self.amount / UNIT:g}"


@dataclass(frozen=True, slots=True)
class NeedsLabel:
    """It asks for a node with a label."""

    who: str
    key: str
    value: str

    def __str__(self) -> str:
        return f"label {self.key}={self.value}"


@dataclass(frozen=True, slots=True)
class NeedsNode:
    """It names the nodes it may run on."""

    who: str
    nodes: tuple[NodeId, ...]

    def __str__(self) -> str:
        return f"node {' or '.join(self.nodes)}" if self.nodes else "a node of an empty list"


@dataclass(frozen=True, slots=True)
class NeedsStrategy:
    """Its group has a strict strategy."""

    group: str
    strategy: GroupStrategy

    def __str__(self) -> str:
        return "one node for all bundles" if self.strategy is GroupStrategy.STRICT_PACK else "a node of its own each"


@dataclass(frozen=True, slots=True)
class Holds:
    """Another one sits on a node and stays."""

    who: str
    node: NodeId
    demand: Resources
    group: str | None = None
    """The placement group whose bundle it is."""

    def __str__(self) -> str:
        return f"group {self.group}" if self.group else self.who


Reason: TypeAlias = Needs | NeedsLabel | NeedsNode | NeedsStrategy | Holds
