"""The cluster of a recording, and what happened to it."""

from __future__ import annotations

from rayproof.model.graph import ClusterSpec, NodeId, NodeSpec, Resources
from rayproof.recordings.executions import Executions
from rayproof.recordings.lines import FaultKind, FaultSeen
from rayproof.recordings.log import Log
from rayproof.recordings.recording import Fault


def faults(log: Log) -> tuple[Fault, ...]:
    """What struck after the driver's first submit, in order; what came before is part of the initial cluster."""
    return tuple(
        Fault(event.kind, event.us - log.origin_us, event.node, event.actor, event.task)
        for event in log.events
        if isinstance(event, FaultSeen) and event.us >= log.origin_us
    )


def late(log: Log) -> tuple[NodeId, ...]:
    """Nodes that joined after the driver's first submit."""
    joined = (fault.node for fault in faults(log) if fault.kind is FaultKind.ADD_NODE)
    return tuple(dict.fromkeys(node for node in joined if node is not None))


def cluster(log: Log, runs: Executions) -> ClusterSpec:
    """The nodes that were alive at some moment of the run: the head, the other initial nodes, the late ones."""
    seen = {fault.node for fault in faults(log)} | {run.node for run in runs.all()}
    joined = late(log)
    # One cluster may serve for several recordings: a node that is dead and unheard of died in an earlier one.
    alive = [node for node in log.nodes.values() if node.alive_at_end or node.id in seen or node.head]
    alive.sort(key=lambda node: (not node.head, node.id in joined))
    return ClusterSpec(
        tuple(
            NodeSpec(
                node.id,
                Resources.from_amounts(node.amounts),
                node.labels,
                node.object_store_bytes,
                ray_id=node.hex,
            )
            for node in alive
        ),
        name=log.meta.scenario,
    )
