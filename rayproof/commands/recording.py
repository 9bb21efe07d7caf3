"""`rayproof record` and `rayproof run`: an unmodified script on real Ray, as it is or under a policy."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rayproof.commands.options import SeedOption
from rayproof.errors import InputError
from rayproof.exits import Interrupted
from rayproof.live.running import Decided, Forcing, decided
from rayproof.live.session import Ran, Where, parse_nodes, parse_script, run_script, save
from rayproof.model.kernel import EXIT_CODES, Verdict
from rayproof.policies import load_policy
from rayproof.recordings import read_recording
from rayproof.targets import require_file

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
    app.command("run", context_settings=PASSED_ON)(run_command)


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
    require_target(target, *parsed.words)
    ran = run_script(parsed, place(nodes, address, store_mib))
    finish(ran, target)
    leave(ran)


def run_command(
    policy: Annotated[str, typer.Option("--policy", metavar="NAME|FILE.py|module:Class", help="As `check` takes it.")],
    script: ScriptArgument = None,
    record: Annotated[
        Path | None, typer.Option("--record", metavar="FILE.jsonl", help="Write down the run, too.", show_default=False)
    ] = None,
    nodes: NodesOption = None,
    address: AddressOption = None,
    store_mib: StoreOption = Where.store_mib,
    hard: Annotated[bool, typer.Option("--hard", help="Hard affinity: a task fails with its node.")] = False,
    wait_s: Annotated[float, typer.Option("--wait-at-most", min=0, help="Seconds; then Ray places what waits.")] = 10,
    seed: SeedOption = 0,
) -> None:
    """Run an unmodified script on real Ray and let a policy's `place` decide where its tasks and actors go."""
    parsed = parse_script(script or [])
    if record is not None:
        require_target(record, policy, *parsed.words)
    forcing = Forcing(load_policy(policy), hard, wait_s, seed)
    unforced = forcing.unforced()
    ran = run_script(parsed, place(nodes, address, store_mib), forcing.variables())
    recording = ran.recording()
    told = decided(ran, recording)
    print(f"{forcing.policy.name}: makespan {recording.outcome.makespan_s:.3f} s", file=sys.stderr)
    for sentence in (*_decisions(told), *_unforced(unforced, told)):
        print(f"  {sentence}", file=sys.stderr)
    if record is not None:
        finish(ran, record)
    if told is not None and told.error is not None:
        raise typer.Exit(EXIT_CODES[Verdict.VIOLATED])
    leave(ran)


def _decisions(told: Decided | None) -> list[str]:
    if told is None:
        return ["Ray's own policy decided"]
    where = ", ".join(f"{count} on {node}" for node, count in told.chosen.items()) or "none"
    said = [
        f"sent by the policy: {where}" + ("" if told.p50_us is None else f"; an answer took {told.p50_us} us (p50)")
    ]
    if told.elsewhere:
        said.append(f"{told.elsewhere} ran on another node than the chosen one")
    if told.waits:
        said.append(f"{told.waits} answers let a task wait")
    if told.given_up:
        said.append(f"{told.given_up} tasks waited in vain and were left to Ray")
    if told.left_alone:
        said.append(f"{told.left_alone} submissions have a strategy, selector or group of their own and kept it")
    if told.error is not None:
        said.append(f"the policy broke {told.error[0]}: {told.error[1]}")
    return said


def _unforced(hooks: list[str], told: Decided | None) -> list[str]:
    if told is None:
        return []
    said = [f"cannot be forced from Python, so Ray's own way held: {', '.join(hooks)}"] if hooks else []
    return [*said, "retries and re-executions go where the first attempt went; the order within a node is Ray's"]


def place(nodes: str | None, address: str | None, store_mib: int) -> Where:
    """Raises `InputError` when both a local cluster and another one are asked for."""
    if nodes is not None and address is not None:
        raise InputError("--address", None, "given together with --nodes", "one of the two")
    return Where(parse_nodes(nodes) if nodes is not None else (), address or "", store_mib)


def require_target(target: Path, *read: str | Path | None) -> None:
    """Refuse before the script runs what could not be written afterwards."""
    if target.suffix != ".jsonl":
        raise InputError(target, None, "the name does not end in .jsonl", "a name by which `check` knows a recording")
    require_file(target, *read)


def finish(ran: Ran, target: Path) -> None:
    """Write the recording and say what is in it."""
    save(ran, target)
    recording = read_recording(target)
    counts = ran.raw.counts()
    spent = sum(event["spent"] for _, event in ran.raw.of("left"))
    told = [
        f"{len(recording.program.tasks)} tasks on {len(recording.cluster.nodes)} nodes, "
        f"makespan {recording.outcome.makespan_s:.3f} s",
        f"{sum(counts.values())} events of {len(ran.raw.processes)} processes; writing them took the driver "
        f"{spent / 1e6:.1f} ms",
        *ran.losses(),
    ]
    print(f"recorded {target}: " + "\n  ".join(told), file=sys.stderr)


def leave(ran: Ran) -> None:
    """Leave with an exit code unless the script went well."""
    if ran.interrupted:
        raise Interrupted("the script did not end")
    if ran.exit_code:
        print(f"the script left with exit code {ran.exit_code}", file=sys.stderr)
        raise typer.Exit(UNFINISHED)
