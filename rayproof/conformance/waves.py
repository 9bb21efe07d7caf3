"""Bursts onto an idle cluster, where the decisions can be counted although not be told apart.

The tasks of one scheduling key are handed to whichever lease is granted first, so that a log does not say which of them
a decision was made for. How many landed on each node before the first of them ended is the same in every order, and one
raylet that subtracts what it gives away has no stale view of it: that count must be reachable by the exact policy,
perhaps with further leases whose workers were still starting.

Left out: waves during which anything else holds resources or whose tasks have arguments in the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import ge

from rayproof.conformance.answers import Answer
from rayproof.conformance.evidence import Evidence, Placed
from rayproof.model.graph import Default, Spread, TaskKind
from rayproof.model.graph.program import DRIVER
from rayproof.model.scheduler.ray import NodeResources, Request, hybrid, round_robin

IDLE_US = 250_000
"""So long before a wave nothing else may have run, for views to have settled."""


STATES = 20_000
"""Ways to count a wave's decisions that are tried."""


@dataclass(frozen=True, slots=True)
class Wave:
    """Placements of one scheduling key before the first of them ended."""

    placed: tuple[Placed, ...]
    later: tuple[Placed, ...]
    """Those of the key that reached a worker afterwards; some of their leases may have been decided in the wave."""


def waves(evidence: Evidence, key: Callable[[Placed], object]) -> list[Wave]:
    """The waves of a recording."""
    by_key: dict[object, list[Placed]] = {}
    for placed in evidence.placed:
        by_key.setdefault(key(placed), []).append(placed)
    normal = {id for id, spec in evidence.program.tasks.items() if spec.kind is TaskKind.NORMAL}
    elsewhere = normal - evidence.recording.setup - {placed.task for placed in evidence.placed}
    uncounted = {evidence.program.tasks[task].name for task in elsewhere}
    found: list[Wave] = []
    for group in by_key.values():
        spec = evidence.program.tasks[group[0].task]
        plain = isinstance(spec.strategy, Default | Spread) and not any(i in evidence.made_on for i in spec.inputs)
        # Leases of tasks that never reached a worker were decided as well, but are not in the counts.
        counted = spec.name not in uncounted and not evidence.doubts and all(placed.ended for placed in group)
        if plain and counted and not {placed.task for placed in group} & evidence.strange:
            found += _of_key(evidence, group)
    return sorted(found, key=lambda wave: wave.placed[0].placed_us)


def _of_key(evidence: Evidence, group: list[Placed]) -> Iterator[Wave]:
    while group:
        end = min(placed.end_us for placed in group)
        members = tuple(placed for placed in group if placed.placed_us < end and placed.waiting_us < end)
        chosen, alike = {id(placed) for placed in members}, {id(placed) for placed in group}
        later = [placed for placed in group if id(placed) not in chosen]
        begin = min(placed.waiting_us for placed in members)
        alone = not any(
            id(other) not in chosen and other.waiting_us <= end and other.end_us > begin - IDLE_US
            for other in evidence.placed
            if id(other) not in alike or other.waiting_us < begin
        )
        quiet = not any(resident.since_us < end and resident.until_us > begin for resident in evidence.residents)
        steady = all(joined <= begin and end <= died for joined, died in evidence.alive.values())
        by_driver = all(evidence.program.parent(placed.task) == DRIVER for placed in members)
        if alone and quiet and steady and by_driver:
            yield Wave(members, tuple(later))
        group = later


def reachable(evidence: Evidence, wave: Wave) -> Answer:
    """Whether the exact policy, decision by decision from an idle cluster, can give these counts."""
    spec = evidence.program.tasks[wave.placed[0].task]
    request = Request(spec.demand)
    names = [name for name in evidence.order if evidence.alive[name][0] <= wave.placed[0].waiting_us]
    totals = {node.id: node for node in evidence.recording.cluster.nodes}
    spread = isinstance(spec.strategy, Spread)
    wanted = [sum(placed.node == name for placed in wave.placed) for name in names]
    most = [
        count + sum(placed.node == name for placed in wave.later) for count, name in zip(wanted, names, strict=True)
    ]
    start = tuple(0 for _ in names)
    tried = 0
    states = {(start, cursor) for cursor in (range(len(names)) if spread else (0,))}

    def view(counts: Sequence[int]) -> list[NodeResources]:
        return [
            NodeResources(
                name,
                totals[name].total,
                {r: a - count * spec.demand[r] for r, a in totals[name].total.units},
                totals[name].labels,
            )
            for name, count in zip(names, counts, strict=True)
        ]

    for step in range(sum(most) + 1):
        if step >= len(wave.placed) and any(all(map(ge, counts, wanted)) for counts, _ in states):
            return Answer.ALLOWED
        tried += len(states)
        if tried > STATES:
            return Answer.UNDETERMINED
        after = set()
        for counts, cursor in states:
            known = view(counts)
            if spread:
                answer, then = round_robin(known, request, cursor, local=evidence.head)
            else:
                answer, then = hybrid(known, request, evidence.head, evidence.options), 0
            for at, name in enumerate(names):
                if name in answer and counts[at] < most[at]:
                    after.add(((*counts[:at], counts[at] + 1, *counts[at + 1 :]), then))
        states = after
    return Answer.REFUSED
