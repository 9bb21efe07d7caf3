"""Recordings with one placement forged: a check that refuses none of them would say nothing by accepting the others."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from rayproof.conformance import Evidence
from rayproof.conformance.evidence import Placed
from rayproof.model.graph import NodeAffinity, PlacementGroup

KINDS = ("moved", "capacity", "affinity")


def forge(evidence: Evidence, kind: str, random: Random, *, fresh_worker: bool = False) -> Evidence | None:
    """The evidence with one placement forged; None when this recording offers nothing to forge of that kind."""
    places = list(range(len(evidence.placed)))
    random.shuffle(places)
    for at in places:
        forged = _forged(evidence, evidence.placed[at], kind, random)
        if forged is not None:
            if fresh_worker:
                forged = replace(forged, worker="nobody else's")
            return replace(evidence, placed=(*evidence.placed[:at], forged, *evidence.placed[at + 1 :]))
    return None


def _forged(evidence: Evidence, placed: Placed, kind: str, random: Random) -> Placed | None:
    spec = evidence.program.tasks[placed.task]
    others = [node.id for node in evidence.recording.cluster.nodes if node.id != placed.node]
    bound = isinstance(spec.strategy, NodeAffinity | PlacementGroup)
    match kind:
        case "moved":
            return replace(placed, node=random.choice(others)) if others and not bound else None
        case "affinity":
            return replace(placed, node=random.choice(others), worker="nobody else's") if others and bound else None
        case "capacity":
            return _crammed(evidence, placed, random)
        case other:
            raise AssertionError(other)


def _crammed(evidence: Evidence, placed: Placed, random: Random) -> Placed | None:
    """The placement at a moment at which other bodies filled its node."""
    total = next(node.total for node in evidence.recording.cluster.nodes if node.id == placed.node)
    demand = evidence.program.tasks[placed.task].demand
    rivals = [other for other in evidence.placed if other is not placed and other.node == placed.node]
    full = []
    for rival in rivals:
        held = demand
        for other in rivals:
            blocked = any(low <= rival.start_us <= high for low, high in other.blocked)
            if other.start_us <= rival.start_us < other.end_us and not blocked:
                held = held + evidence.program.tasks[other.task].demand
        if not held.fits(total) and rival.end_us - rival.start_us > 1_000:
            full.append(rival)
    if not full or "CPU" not in dict(demand.units):
        return None
    when = random.choice(full)
    return replace(
        placed,
        worker="nobody else's",
        waiting_us=when.waiting_us,
        placed_us=when.placed_us,
        start_us=when.start_us + 1,
        end_us=when.end_us,
    )
