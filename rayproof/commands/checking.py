"""`rayproof check`: whether policies are legal and live, and how they do on a recorded workload."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from rayproof.check import report as check_report
from rayproof.check import verdict as check_verdict
from rayproof.check.reach import strategies_in_force
from rayproof.check.simulation import BANDWIDTH, Decides, Settings, prepare
from rayproof.commands.options import (
    OUT,
    BudgetOption,
    ClusterOption,
    JsonOption,
    MemoryOption,
    OutOption,
    SeedOption,
    StatesOption,
)
from rayproof.console import report_console
from rayproof.errors import InputError
from rayproof.exits import Interrupted
from rayproof.model.kernel import EXIT_CODES, Limits
from rayproof.problems import one_manifest
from rayproof.progress import spinner
from rayproof.properties.entry import Edition
from rayproof.targets import STANDARD_OUTPUT, require_file, require_folder, write_json
from rayproof.workloads import read_workload


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("check")(check_command)


def check_command(
    workload: Annotated[
        list[Path],
        typer.Option(
            metavar="FILE",
            help="A .jsonl recording; or what Ray tells of a run (`ray list tasks --detail --format json`, "
            "`ray timeline`, export events), given once for each file.",
        ),
    ],
    policies: Annotated[
        list[str] | None, typer.Argument(metavar="[POLICY]...", help="Built-in names, .py files or module:Class.")
    ] = None,
    policy: Annotated[
        list[str] | None, typer.Option("--policy", metavar="NAME|FILE.py|module:Class", help="The same, as an option.")
    ] = None,
    cluster: ClusterOption = None,
    edition: Annotated[
        Edition, typer.Option(help="The architecture that policies are judged on: today's Ray, or that of the paper.")
    ] = Edition.RAY2,
    decides: Annotated[
        Decides,
        typer.Option(
            help="On today's Ray: where the simulation asks a policy; in the driver it becomes soft affinities."
        ),
    ] = Decides.DRIVER,
    bandwidth: Annotated[
        int | None, typer.Option(min=1, help="Bytes per second between two nodes; 3e8 on today's Ray, else 1e9.")
    ] = None,
    decision_us: Annotated[int, typer.Option(min=0, help="Time of the paper's scheduler for one message.")] = 50,
    max_states: StatesOption = check_verdict.SCOPE_LIMITS.states,
    max_memory: MemoryOption = check_verdict.SCOPE_LIMITS.memory_mb,
    budget: BudgetOption = None,
    max_events: Annotated[
        int | None, typer.Option(min=1, help="Cap of each simulated run; by default it grows with the workload.")
    ] = None,
    seed: SeedOption = 0,
    out: OutOption = OUT,
    json_to: JsonOption = None,
) -> None:
    """Say whether policies are legal and live, and how they do on a recorded workload."""
    require_file(json_to, *workload, cluster, *(policies or ()), *(policy or ()))
    require_folder(out)
    if edition is Edition.BOTH:
        raise InputError("--edition", None, "a policy is judged on one architecture at a time", "ray2 or paper")
    loaded = [
        check_verdict.load_or_refuse(spec)
        for spec in dict.fromkeys([*(policies or ()), *(policy or ())]) or ["default"]
    ]
    recording = read_workload(*workload)
    manifest = None if cluster is None else one_manifest(cluster)
    if manifest is not None:
        recording = replace(recording, unsupported=(*recording.unsupported, *manifest.unread))
    ready = prepare(recording, None if manifest is None else manifest.cluster, edition)
    settings = Settings(bandwidth or BANDWIDTH[edition], decision_us, seed, edition, decides, max_events)
    bound, bound_note = check_verdict.bound_of(ready)
    reports: list[check_verdict.PolicyReport] = []
    limits = Limits(max_states, max_memory, budget)
    with spinner() as stage:
        for one in loaded:
            if isinstance(one, check_verdict.PolicyReport):
                reports.append(one)
                continue
            reports.append(check_verdict.check_policy(one, ready, settings, out, stage, limits))
            if reports[-1].interrupted:
                break
    interrupted = reports[-1].interrupted
    notes = strategies_in_force(recording.program)
    report = check_verdict.Report(ready, bound, bound_note, tuple(reports), settings, not interrupted, notes)
    if json_to != STANDARD_OUTPUT:
        check_report.show(report, report_console())
    if json_to is not None:
        write_json(check_verdict.as_json(report), json_to)
    if interrupted:
        raise Interrupted(f"{len(reports) - 1} of {len(loaded)} policies were checked")
    raise typer.Exit(EXIT_CODES[report.verdict])
