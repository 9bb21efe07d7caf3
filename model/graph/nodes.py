"""The cluster a program runs on: nodes with their total resources."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from rayproof.model.graph.resources import Resources

NodeId: TypeAlias = str


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One node: what it offers, and its group in an autoscaled cluster."""

    id: NodeId
    total: Resources
    labels: tuple[tuple[str, str], ...] = ()
    object_store_bytes: int | None = None
    """Capacity of its object store; None means unbounded."""
    group: str = ""
    """Name of the node type (KubeRay worker group); empty outside autoscaled clusters."""
    ray_id: str = ""
    """The id that Ray drew for it, in hexadecimal, which breaks ties; empty: the order of the cluster does."""


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """Nodes in a fixed order; the first is the head, where the driver runs."""

    nodes: tuple[NodeSpec, ...]
    name: str = "cluster"
    bandwidth_bytes_per_s: int | None = None
    """Between any two nodes; None means that transfers take no time."""
    max_nodes: tuple[tuple[str, int], ...] = field(default=())
    """Upper bound of nodes per group, for clusters that an autoscaler may grow."""
    min_nodes: tuple[tuple[str, int], ...] = ()
    """Lower bound of nodes per group, for clusters that an autoscaler may shrink."""
    templates: tuple[NodeSpec, ...] = ()
    """One node for each group that an autoscaler may grow: what a further node offers, even if none exists yet."""

    @property
    def total(self) -> Resources:
        """The sum over all nodes."""
        total = Resources()
        for node in self.nodes:
            total = total + node.total
        return total
