"""Reading a recording file."""

from __future__ import annotations

from pathlib import Path

from rayproof.model.scheduler.ray import HybridOptions
from rayproof.recordings.bodies import reconstruct
from rayproof.recordings.log import Log, read_log
from rayproof.recordings.nodes import cluster, faults, late
from rayproof.recordings.outcome import outcome
from rayproof.recordings.recording import Group, Recording
from rayproof.recordings.startup import startup
from rayproof.recordings.tasks import program
from rayproof.recordings.unsupported import unsupported


def read_recording(path: str | Path) -> Recording:
    """A recording of real Ray (JSON lines, schema 1 or 2; `docs/recordings.md`) in the model's terms.

    Raises `InputError` for anything that is not such a file, with the line and what was expected there.
    """
    return recording_of(read_log(path))


def recording_of(log: Log) -> Recording:
    """The recording that some lines tell, wherever they come from. Raises `InputError`."""
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
        groups=tuple(
            Group(
                group.id,
                group.strategy,
                group.bundles,
                tuple(node for _, _, node in sorted(log.groups[group.id].bundles, key=lambda bundle: bundle[0])),
            )
            for group in built.groups.values()
        ),
        outcome=outcome(log, bodies.runs, built),
        faults=struck,
        startup=startup(log, bodies.runs, built, nodes, struck),
        unsupported=unsupported(log, bodies, struck, setup),
        placement=_placement(log),
    )


def _placement(log: Log) -> HybridOptions:
    told = dict(setting.partition("=")[::2] for setting in log.meta.settings)
    default = HybridOptions()
    return HybridOptions(
        threshold=float(told.get("RAY_scheduler_spread_threshold", default.threshold)),
        top_k_absolute=int(told.get("RAY_scheduler_top_k_absolute", default.top_k_absolute)),
        top_k_fraction=float(told.get("RAY_scheduler_top_k_fraction", default.top_k_fraction)),
        avoid_gpu_nodes=told.get("RAY_scheduler_avoid_gpu_nodes", "true").lower() in ("1", "true"),
    )
