"""Reading a recording file."""

from __future__ import annotations

from pathlib import Path

from rayproof.model.graph import Resources
from rayproof.recordings.bodies import reconstruct
from rayproof.recordings.lines import GroupReady
from rayproof.recordings.log import Log, read_log
from rayproof.recordings.nodes import cluster, faults, late
from rayproof.recordings.outcome import outcome
from rayproof.recordings.recording import Group, Recording
from rayproof.recordings.startup import startup
from rayproof.recordings.tasks import program
from rayproof.recordings.unsupported import unsupported


def read_recording(path: str | Path) -> Recording:
    """A recording of real Ray (JSON lines, schema 1; `docs/recordings.md`) in the model's terms.

    Raises `InputError` for anything that is not such a file, with the line and what was expected there.
    """
    log = read_log(path)
    bodies = reconstruct(log)
    nodes = cluster(log, bodies.runs)
    struck = faults(log)
    built, setup = program(log, bodies, frozenset(node.id for node in nodes.nodes))
    return Recording(
        name=log.meta.scenario,
        description=log.meta.description,
        ray=log.meta.ray,
        program=built,
        cluster=nodes,
        late=late(log),
        setup=setup,
        groups=_groups(log),
        outcome=outcome(log, bodies.runs, built),
        faults=struck,
        startup=startup(log, bodies.runs, built, nodes, struck),
        unsupported=unsupported(log, bodies, struck, setup),
    )


def _groups(log: Log) -> tuple[Group, ...]:
    strategies = {event.group: event.strategy for event in log.events if isinstance(event, GroupReady)}
    found = []
    for group in log.groups.values():
        bundles = sorted(group.bundles, key=lambda bundle: bundle[0])
        reserved = tuple(Resources.from_amounts(amounts) for _, amounts, _ in bundles)
        found.append(
            Group(group.id, strategies.get(group.hex, "PACK"), reserved, tuple(node for _, _, node in bundles))
        )
    return tuple(found)
