"""`rayproof compare-live`: policies on real Ray, again and again, beside their prediction from one recording."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rayproof.check.simulation import BANDWIDTH, Settings, prepare, simulate
from rayproof.check.verdict import SEEDS
from rayproof.commands.options import JsonOption, SeedOption
from rayproof.commands.recording import (
    PASSED_ON,
    UNFINISHED,
    AddressOption,
    NodesOption,
    ScriptArgument,
    StoreOption,
    place,
    require_target,
)
from rayproof.console import json_text, say
from rayproof.errors import InputError
from rayproof.exits import Interrupted
from rayproof.live.comparing import Compared, as_json, as_text
from rayproof.live.running import RAYS_OWN, Forcing
from rayproof.live.session import Ran, Where, parse_script, runner, save
from rayproof.policies import load_policy
from rayproof.properties.entry import Edition
from rayproof.recordings import Recording
from rayproof.targets import STANDARD_OUTPUT, require_file, write_text
from rayproof.workloads import read_workload


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compare-live", context_settings=PASSED_ON)(compare_live_command)


def compare_live_command(
    script: ScriptArgument = None,
    policy: Annotated[
        list[str] | None, typer.Option("--policy", metavar="NAME|FILE.py|module:Class", help="Can be repeated.")
    ] = None,
    repetitions: Annotated[int, typer.Option(min=1, help="Runs of each policy on real Ray, in turn.")] = 3,
    workload: Annotated[
        Path | None,
        typer.Option(metavar="RECORDING", help="Predict from it; default: record the script."),
    ] = None,
    record: Annotated[Path | None, typer.Option(metavar="FILE.jsonl", help="Keep the recording.")] = None,
    nodes: NodesOption = None,
    address: AddressOption = None,
    store_mib: StoreOption = Where.store_mib,
    bandwidth: Annotated[int, typer.Option(min=1, help="Bytes per second between two nodes.")] = BANDWIDTH[
        Edition.RAY2
    ],
    seed: SeedOption = 0,
    json_to: JsonOption = None,
) -> None:
    """Run policies on real Ray and say whether `check` predicted what they took, and which is faster."""
    read = (workload, *(policy or []), *(script or []))
    require_file(json_to, record, *read)
    parsed = parse_script(script or [])
    if record is not None:
        require_target(record, *read)
    where = place(nodes, address, store_mib)
    if not where.nodes and not where.address:
        raise InputError("--nodes", None, "no cluster for all runs", "--nodes 4,2,2 or --address HOST:PORT")
    forcings = [Forcing(load_policy(spec), seed=seed) for spec in dict.fromkeys(policy or [RAYS_OWN])]
    for forcing in forcings:
        forcing.unforced()
    given = None if workload is None else read_workload(workload)
    real: list[list[float]] = [[] for _ in forcings]
    failed = []
    with runner(where, policies=True) as run:
        if given is None:
            # The first run pays for what the machine has not yet read; it is not the one to predict from.
            _told(run(parsed, {}), "warming up")
            ran = run(parsed, {})
            given = _told(ran, "recording")
            if ran.exit_code:
                raise InputError(parsed.words[0], None, f"it left with exit code {ran.exit_code}", "a script that ends")
            if record is not None:
                save(ran, record)
        for number in range(1, repetitions + 1):
            for forcing, makespans in zip(forcings, real, strict=True):
                ran = run(parsed, forcing.variables())
                recording = _told(ran, f"{forcing.policy.name}, {number} of {repetitions}")
                if ran.exit_code or any(event["error"] for _, event in ran.raw.of("decided")):
                    failed.append(forcing.policy.name)
                else:
                    makespans.append(recording.outcome.makespan_s)
    ready, settings = prepare(given, None), Settings(bandwidth, 0, seed)
    compared = []
    for forcing, makespans in zip(forcings, real, strict=True):
        figures = simulate(ready, forcing.policy.policy, settings, seeds=SEEDS)
        note = figures.error or ("the simulated driver still waits at the end" if figures.makespan_s is None else "")
        compared.append(Compared(forcing.policy.name, tuple(makespans), figures.makespans_s, note))
    if json_to != STANDARD_OUTPUT:
        say(as_text(compared), end="")
    if json_to is not None:
        write_text(json_text(as_json(compared)), json_to)
    if failed:
        print(f"runs that failed and do not count: {', '.join(failed)}", file=sys.stderr)
        raise typer.Exit(UNFINISHED)


def _told(ran: Ran, what: str) -> Recording:
    if ran.interrupted:
        raise Interrupted(f"{what} did not end")
    recording = ran.recording()
    print(f"{what}: {recording.outcome.makespan_s:.3f} s", file=sys.stderr)
    return recording
