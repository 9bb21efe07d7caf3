"""`rayproof record`: an unmodified script on real Ray, and the recording of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rayproof.commands.limits import INTERRUPTED
from rayproof.errors import InputError
from rayproof.live.session import Ran, Where, parse_nodes, parse_script, run_script, save
from rayproof.recordings import read_recording

UNFINISHED = 3
"""Exit code when the script failed: the recording holds what it did until then."""

PASSED_ON = {"allow_interspersed_args": False, "ignore_unknown_options": True}
"""What stands after the script belongs to the script."""

ScriptArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[--] SCRIPT.py|-m MODULE [ARGUMENT]...", help="As after `python`.")
]
NodesOption = Annotated[
    str | None, typer.Option(metavar="4,2:1,2", help="Start a local cluster: CPUs, or CPUs:GPUs, of each node.")
]
AddressOption = Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Run on a cluster that is there already.")]
StoreOption = Annotated[int, typer.Option("--store-mib", min=80, help="Object store of each node of --nodes.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("record", context_settings=PASSED_ON)(record_command)


def record_command(
    script: ScriptArgument = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE.jsonl", help="Default: SCRIPT.jsonl here.")] = None,
    nodes: NodesOption = None,
    address: AddressOption = None,
    store_mib: StoreOption = Where.store_mib,
) -> None:
    """Run an unmodified script on real Ray and write down all that it does, for `check --workload` and others."""
    parsed = parse_script(script or [])
    target = out or Path(f"{parsed.name}.jsonl")
    require_target(target)
    ran = run_script(parsed, place(nodes, address, store_mib))
    finish(ran, target)


def place(nodes: str | None, address: str | None, store_mib: int) -> Where:
    """Raises `InputError` when both a local cluster and another one are asked for."""
    if nodes is not None and address is not None:
        raise InputError("--address", None, "given together with --nodes", "one of the two")
    return Where(parse_nodes(nodes) if nodes is not None else (), address or "", store_mib)


def require_target(target: Path) -> None:
    """Refuse before the script runs what could not be written afterwards."""
    if target.suffix != ".jsonl":
        raise InputError(target, None, "the name does not end in .jsonl", "a name by which `check` knows a recording")
    if target.is_dir() or not target.parent.is_dir():
        raise InputError(target, None, "it cannot be written", "a file in a folder that exists")


def finish(ran: Ran, target: Path) -> None:
    """Write the recording and say what is in it; leaves with an exit code unless all went well."""
    save(ran, target)
    recording = read_recording(target)
    counts = ran.raw.counts()
    spent = sum(event["spent"] for _, event in ran.raw.of("left"))
    told = [
        f"{len(recording.program.tasks)} tasks on {len(recording.cluster.nodes)} nodes, "
        f"makespan {recording.outcome.makespan_s:.3f} s",
        f"{sum(counts.values())} events of {len(ran.raw.processes)} processes; writing them took the driver "
        f"{spent / 1e6:.1f} ms",
    ]
    told += [f"{sentence}" for sentence in _lost(target)]
    print(f"recorded {target}: " + "\n  ".join(told), file=sys.stderr)
    if ran.interrupted:
        raise typer.Exit(INTERRUPTED)
    if ran.exit_code:
        print(f"the script left with exit code {ran.exit_code}", file=sys.stderr)
        raise typer.Exit(UNFINISHED)


def _lost(target: Path) -> tuple[str, ...]:
    from rayproof.recordings.log import read_log

    return read_log(target).meta.lost
