"""The command line. Exit codes: 0 holds, 1 violated, 2 bad input, 3 undetermined."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

from rayproof import __version__, reducing, verify_report
from rayproof.check import report as check_report
from rayproof.check import verdict as check_verdict
from rayproof.check.simulation import BANDWIDTH, Decides, Settings, prepare
from rayproof.commands import (
    bounds,
    bugs,
    compare_live,
    conform,
    explore_graph,
    follow,
    golden,
    new_policy,
    recording,
    solving,
    statements_table,
    traceability,
)
from rayproof.commands.limits import (
    INTERRUPTED,
    BudgetOption,
    EngineOption,
    MemoryOption,
    OnlyOption,
    ReduceOption,
    StatesOption,
)
from rayproof.counterexamples import load, save, shown
from rayproof.errors import InputError, expected_name
from rayproof.gaps.bursts import Chooser
from rayproof.gaps.running import heuristic
from rayproof.gaps.workloads import run_workload
from rayproof.model.kernel import EXIT_CODES, ModelError, PolicyError, Verdict
from rayproof.model.kernel.engines import Engine
from rayproof.model.kernel.explore import Limits
from rayproof.model.kernel.trace import LOOP_BEGINS, LOOP_ENDS
from rayproof.model.scheduler.policy.built_in import BUILT_IN
from rayproof.piped import width
from rayproof.policies import load_policy
from rayproof.problems import one_manifest
from rayproof.progress import live
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import CATALOGUE, COMPONENTS, ENTRIES, Entry, Scope
from rayproof.properties.entry import Edition
from rayproof.verify import NOTHING_OWED, as_json, exercised_by, require_planted, verdict_of, verify, versions
from rayproof.workloads import read_workload

app = typer.Typer(
    name="rayproof",
    help="Check a Ray scheduling proposal before a line of C++ is written.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

OUR_FAULT = 70

JsonOption = Annotated[
    str | None, typer.Option("--json", metavar="FILE|-", help="Write the report as JSON, to a file or standard output.")
]
SeedOption = Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn.")]
OutOption = Annotated[Path, typer.Option("--out", help="Folder for counterexamples.")]


class Driver(StrEnum):
    """How the next step is picked."""

    EXPLORE = "explore"
    WALK = "walk"


def command_line() -> None:
    """`rayproof` among other commands: who closes its pipe ends it, and no exit code says what was not decided."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    main()


def main() -> None:
    """Run the command line; every failure leaves with its exit code and one readable line."""
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except InputError as error:
        _fail(f"error: {error}", 2)
    except typer.Exit as left:
        sys.exit(left.exit_code)
    except ModelError as error:
        notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
        _fail(f"error in the model, not in your input: {error}{notes}", OUR_FAULT)
    except PolicyError as error:
        _fail(f"{error.rule}: {error}", EXIT_CODES[Verdict.VIOLATED])
    except KeyboardInterrupt:
        _fail("interrupted; nothing was decided", INTERRUPTED)
    except Exception as error:
        _usage_error(error)


def _usage_error(error: Exception) -> None:
    show = getattr(error, "format_message", None)
    if show is None:
        raise error
    context = getattr(error, "ctx", None)
    if context is not None:
        print(context.get_usage(), file=sys.stderr)
    message = show()
    if not message:
        sys.exit(getattr(error, "exit_code", 2))
    _fail(f"error: {message}", getattr(error, "exit_code", 2))


def _fail(message: str, code: int) -> None:
    print(message, file=sys.stderr)
    sys.exit(code)


def _leave(verdict: Verdict) -> None:
    raise typer.Exit(EXIT_CODES[verdict])


def _console() -> Console:
    return Console(soft_wrap=False, highlight=False, width=width())


def _write_json(document: dict[str, Any] | list[Any], target: str) -> None:
    _write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", target)


def _require_writable(target: str | None) -> None:
    """Refuse a file before hours are spent on what should go there."""
    if target in (None, "-"):
        return
    path = Path(str(target))
    if path.is_dir() or not path.parent.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InputError(path, None, "it cannot be written", "a file that can be written, in a folder that exists")


def _write_text(text: str, target: str) -> None:
    if target == "-":
        sys.stdout.write(text)
        return
    try:
        Path(target).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(target, None, error.strerror or str(error), "a file that can be written") from None


def _bar() -> Bar:
    console = Console(stderr=True)
    return Bar(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.", is_eager=True)] = False,
) -> None:
    if version:
        print(f"rayproof {__version__}")
        raise typer.Exit(0)


# ---- verify --------------------------------------------------------------------------------------------------------


@app.command("verify")
def verify_command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[COMPONENT|SCENARIO]...", help="Default: everything in the scope.")
    ] = None,
    scope: Annotated[Scope, typer.Option(help="How large.")] = Scope.TINY,
    driver: Annotated[Driver, typer.Option(help="Every step, or random ones.")] = Driver.EXPLORE,
    walks: Annotated[int, typer.Option(min=1, help="Walks per scenario, with --driver walk.")] = 1000,
    seed: SeedOption = 0,
    bug: Annotated[str | None, typer.Option(help="Plant a bug first (see `rayproof statements`).")] = None,
    engine: EngineOption = Engine.AUTO,
    reduce: ReduceOption = None,
    only: OnlyOption = None,
    max_states: StatesOption = Limits.states,
    max_memory: MemoryOption = Limits.memory_mb,
    budget: BudgetOption = None,
    out: OutOption = Path("rayproof-out"),
    json_to: JsonOption = None,
) -> None:
    """Check the model's scenarios against their statements."""
    _require_writable(json_to)
    entries = reducing.only(_entries(names or [], scope), only or [])
    reductions = reducing.wanted(reduce)
    if reductions and driver is not Driver.EXPLORE:
        raise InputError("--reduce", None, "walks know no reductions", "--driver explore")
    if bug is not None:
        require_planted(bug, entries)
    with live() as report:
        done = verify(
            entries,
            driver=driver,
            seed=seed,
            walks=walks,
            limits=Limits(max_states, max_memory, budget),
            bug=bug,
            on_progress=report,
            engine=engine,
            reductions=reductions,
        )
    files = [None if v.trace is None else save(v.trace, out) for v in done]
    # A planted bug puts other classes into the scopes; what they exercise says nothing about the model.
    found = NOTHING_OWED if bug is not None else exercised_by(done)
    if json_to is not None:
        _write_json(as_json(done, scope, seed, found), json_to)
    if json_to != "-":
        verify_report.show(done, files, found, seed, _console())
    if done and done[-1].interrupted:
        raise typer.Exit(INTERRUPTED)
    _leave(verdict_of(done, found))


def _entries(names: list[str], scope: Scope) -> list[Entry]:
    if not names:
        return [entry for entry in ENTRIES if entry.scope is scope]
    chosen: list[Entry] = []
    for name in names:
        if name in CATALOGUE:
            found = [CATALOGUE[name]]
        elif name in COMPONENTS:
            found = [entry for entry in ENTRIES if entry.component == name and entry.scope is scope]
            if not found:
                raise InputError(name, None, f"component {name} has no {scope} scenario yet", _known_names())
        else:
            expected = expected_name(name, (*COMPONENTS, *CATALOGUE), _known_names())
            raise InputError(name, None, "neither a component nor a scenario", expected)
        chosen += [entry for entry in found if entry not in chosen]
    return chosen


def _known_names() -> str:
    return "a component (" + ", ".join(COMPONENTS) + ") or a name that `rayproof scenarios` lists"


# ---- check ---------------------------------------------------------------------------------------------------------


@app.command("check")
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
    cluster: Annotated[
        Path | None, typer.Option(metavar="RAYCLUSTER.yaml", help="Run on this cluster, not on the recorded one.")
    ] = None,
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
    seed: SeedOption = 0,
    out: OutOption = Path("rayproof-out"),
    json_to: JsonOption = None,
) -> None:
    """Say whether policies are legal and live, and how they do on a recorded workload."""
    _require_writable(json_to)
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
    settings = Settings(bandwidth or BANDWIDTH[edition], decision_us, seed, edition, decides)
    bound, bound_note = check_verdict.bound_of(ready)
    with _bar() as bar:
        task = bar.add_task("", total=None)
        reports: list[check_verdict.PolicyReport] = []
        interrupted = False
        try:
            for one in loaded:
                if isinstance(one, check_verdict.PolicyReport):
                    reports.append(one)
                    continue
                reports += [
                    check_verdict.check_policy(
                        one, ready, settings, out, lambda stage: bar.update(task, description=stage)
                    )
                ]
        except KeyboardInterrupt:
            interrupted = True
    report = check_verdict.Report(ready, bound, bound_note, tuple(reports), settings, not interrupted)
    if json_to is not None:
        _write_json(check_verdict.as_json(report), json_to)
    if json_to != "-":
        check_report.show(report, _console())
    if interrupted:
        print(f"interrupted: {len(reports)} of {len(loaded)} policies were checked", file=sys.stderr)
        raise typer.Exit(INTERRUPTED)
    _leave(report.verdict)


# ---- traces --------------------------------------------------------------------------------------------------------


@app.command("replay")
def replay_command(
    file: Annotated[Path, typer.Argument(metavar="TRACE", help="A counterexample that rayproof has written.")],
    json_to: JsonOption = None,
) -> None:
    """Carry a counterexample out again, step by step; exit code 1 when it still breaks the same thing."""
    trace = load(file)
    text, broken = shown(trace, file)
    verdict = Verdict.VIOLATED if broken else Verdict.HOLDS
    if json_to is not None:
        _write_json({"verdict": verdict, "trace": json.loads(trace.to_json()), "versions": versions()}, json_to)
    if json_to != "-":
        print(text, end="")
    _leave(verdict)


@app.command("show")
def show_command(
    file: Annotated[Path, typer.Argument(metavar="TRACE", help="A counterexample that rayproof has written.")],
    follow_id: Annotated[
        str | None, typer.Option("--follow", metavar="ID", help="The path of one task or call, from submit to result.")
    ] = None,
    json_to: JsonOption = None,
) -> None:
    """Print a counterexample as it was recorded, without carrying it out unless an id is followed."""
    trace = load(file)
    if follow_id is not None:
        route = follow.follow(trace, file, follow_id)
        if json_to is not None:
            _write_json(follow.as_json(route), json_to)
        if json_to != "-":
            print(follow.as_text(route, _console().width), end="")
        return
    if json_to is not None:
        _write_json(json.loads(trace.to_json()), json_to)
    if json_to == "-":
        return
    print(f"{trace.statement}: {trace.sentence}")
    print(f"  scenario {trace.scenario}, found by {trace.driver}, seed {trace.seed}")
    for name, value in trace.parameters.items():
        print(f"  {name}: {value}")
    for number, taken in enumerate(trace.steps, 1):
        if trace.loop == number:
            print(LOOP_BEGINS)
        print(f"  {number:>3}. {taken.step}" + (f"  choices {list(taken.choices)}" if taken.choices else ""))
    if trace.loop is not None:
        print(LOOP_ENDS)


# ---- lists ---------------------------------------------------------------------------------------------------------


def _listing(rows: list[dict[str, Any]], columns: tuple[str, ...], json_to: str | None) -> None:
    if json_to is not None:
        _write_json(rows, json_to)
    if json_to == "-":
        return
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(row[column])) for column in columns))
    _console().print(table)


@app.command("scenarios")
def scenarios_command(json_to: JsonOption = None) -> None:
    """List the scenarios that can be verified."""
    rows = []
    for entry in ENTRIES:
        scenario = entry.build(None, {})
        rows.append(
            {
                "name": entry.name,
                "component": entry.component,
                "edition": entry.edition,
                "scope": entry.scope,
                "constants": dict(scenario.constants),
                "statements": [statement.name for statement in scenario.statements],
                "takes_policy": entry.takes_policy,
            }
        )
    _listing(rows, ("name", "component", "edition", "scope", "constants"), json_to)


MarkdownOption = Annotated[
    str | None, typer.Option("--markdown", metavar="FILE|-", help="Write the document instead.", show_default=False)
]


@app.command("traceability")
def traceability_command(markdown_to: MarkdownOption = None) -> None:
    """Say what each process and handler of the model stands for."""
    _write_text(traceability.markdown(), markdown_to or "-")


@app.command("statements")
def statements_command(json_to: JsonOption = None, markdown_to: MarkdownOption = None) -> None:
    """List the statements, where they are checked and which planted bug each must notice."""
    if markdown_to is not None:
        _write_text(statements_table.markdown(), markdown_to)
        return
    found: dict[str, dict[str, Any]] = {}
    for entry in ENTRIES:
        for statement in entry.build(None, {}).statements:
            row = found.setdefault(
                statement.name,
                {
                    "name": statement.name,
                    "kind": statement.kind,
                    "sentence": statement.sentence,
                    "source": statement.source,
                    "editions": [],
                    "scenarios": [],
                    "bugs": [bug.name for bug in BUGS.values() if bug.statement == statement.name],
                },
            )
            row["scenarios"].append(entry.name)
            if entry.edition not in row["editions"]:
                row["editions"].append(entry.edition)
    _listing(list(found.values()), ("name", "kind", "editions", "sentence", "bugs"), json_to)


@app.command("policies")
def policies_command(json_to: JsonOption = None) -> None:
    """List the built-in policies."""
    rows = [
        {"name": name, "sentence": (type(policy).__doc__ or "").partition("\n")[0], "class": type(policy).__name__}
        for name, policy in BUILT_IN.items()
    ]
    _listing(rows, ("name", "sentence"), json_to)


# ---- solver --------------------------------------------------------------------------------------------------------


explore_graph.register(app)
bounds.register(app)
new_policy.register(app)
bugs.register(app)
conform.register(app)
golden.register(app)
recording.register(app)
compare_live.register(app)
solving.register(
    app,
    find_heuristic=lambda spec, seed: solving.known_heuristic(spec, seed) or heuristic(load_policy(spec).policy, seed),
    find_policy=lambda spec: Chooser(load_policy(spec).policy),
    find_run=lambda spec, seed: (
        None if spec in solving.HEURISTICS else partial(run_workload, policy=load_policy(spec).policy, seed=seed)
    ),
)


if __name__ == "__main__":
    main()
