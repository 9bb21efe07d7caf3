"""The command line. Exit codes: `rayproof.exits`."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from enum import StrEnum
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from rayproof import __version__, outside, reducing, verify_report
from rayproof.check import report as check_report
from rayproof.check import verdict as check_verdict
from rayproof.check.reach import strategies_in_force
from rayproof.check.simulation import BANDWIDTH, Decides, Settings, prepare
from rayproof.commands import (
    bounds,
    bugs,
    compare_live,
    conform,
    doctor,
    explore_graph,
    follow,
    golden,
    new_policy,
    recording,
    reproduce,
    solving,
    statements_table,
    traceability,
)
from rayproof.commands.limits import (
    BudgetOption,
    EngineOption,
    JsonOption,
    MemoryOption,
    OnlyOption,
    ReduceOption,
    StatesOption,
)
from rayproof.console import json_text, report_console, say
from rayproof.counterexamples import Trust, kept, load, shown
from rayproof.errors import InputError, expected_name
from rayproof.exits import Exit, Interrupted, guarded
from rayproof.gaps.bursts import Chooser
from rayproof.gaps.running import heuristic
from rayproof.gaps.workloads import run_workload
from rayproof.model.documents import printable
from rayproof.model.kernel import EXIT_CODES, PolicyError, Verdict
from rayproof.model.kernel.engines import Engine
from rayproof.model.kernel.explore import Limits
from rayproof.model.kernel.trace import listed
from rayproof.model.scheduler.policy.built_in import BUILT_IN
from rayproof.policies import load_policy
from rayproof.problems import one_manifest
from rayproof.progress import live
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import ENTRIES, Entry, Scope
from rayproof.properties.entry import Edition
from rayproof.targets import STANDARD_OUTPUT, require_file, require_folder, write_text
from rayproof.verify import NOTHING_OWED, as_json, exercised_by, require_planted, verdict_of, verify, versions
from rayproof.workloads import read_workload

SeedOption = Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn.")]
OutOption = Annotated[Path, typer.Option("--out", help="Folder for counterexamples.")]


class Driver(StrEnum):
    """How the next step is picked."""

    EXPLORE = "explore"
    WALK = "walk"


class Commands(TyperGroup):
    """The commands; an option that takes one value and is given twice is refused rather than half dropped."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            self._require_once(ctx, name, command, list(rest))
        return name, command, rest

    def _require_once(self, ctx: Any, name: str | None, command: Any, rest: list[str]) -> None:
        with command.context_class(command, info_name=name, parent=ctx, **command.context_settings) as inner:
            given = list(command.make_parser(inner).parse_args(args=rest)[2])
            for param in given:
                single = not getattr(param, "is_flag", False) and not param.multiple
                if single and param.param_type_name == "option" and given.count(param) > 1:
                    inner.fail(f"{param.opts[0]} is given {given.count(param)} times; expected once")


app = typer.Typer(
    name="rayproof",
    cls=Commands,
    help="Check a Ray scheduling proposal before a line of C++ is written.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line; every end is one of the exit codes, with a readable line where it is no answer."""
    sys.exit(guarded(run))


def run() -> int:
    """The exit code of the command in `sys.argv`; what goes wrong is left to the guard."""
    command = _command()
    try:
        # Not by way of the command's own main, which ends an interrupt without a word and a closed pipe as a violation.
        with command.make_context("rayproof", sys.argv[1:]) as context:
            command.invoke(context)
    except typer.Exit as left:
        return int(left.exit_code)
    except PolicyError as error:
        say(f"{error.rule}: {printable(str(error))}", error=True)
        return Exit.VIOLATED
    except Exception as error:
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        context = getattr(error, "ctx", None)
        if context is not None:
            say(context.get_usage(), error=True)
        if message():
            say(f"error: {printable(message())}", error=True)
        return Exit.BAD_INPUT
    return Exit.HOLDS


@cache
def _command() -> Any:
    """The commands, made of their signatures once."""
    return typer.main.get_command(app)


def _leave(verdict: Verdict) -> None:
    raise typer.Exit(EXIT_CODES[verdict])


def _write_json(document: Any, target: str) -> None:
    write_text(json_text(document), target)


def _write_page(text: str, target: str) -> None:
    """A document that is all the command has to say."""
    write_text(text, target)
    if target != STANDARD_OUTPUT:
        say(f"wrote {target}")


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
        say(f"rayproof {__version__}")
        raise typer.Exit(0)


# ---- verify --------------------------------------------------------------------------------------------------------


@app.command("verify")
def verify_command(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[COMPONENT|SCENARIO|FILE.py[:NAME]]...", help="Default: everything in the scope."),
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
    require_file(json_to)
    require_folder(out)
    entries = reducing.only(_entries(names or [], scope), only or [])
    if not entries:
        raise InputError("verify", None, f"there is no scenario of scope {scope}", "another --scope")
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
    files = [kept(v.trace, out) for v in done]
    # A planted bug puts other classes into the scopes; what they exercise says nothing about the model.
    found = NOTHING_OWED if bug is not None else exercised_by(done)
    if json_to != STANDARD_OUTPUT:
        verify_report.show(done, files, found, seed, report_console())
    if json_to is not None:
        _write_json(as_json(done, files, scope, seed, found), json_to)
    if done and done[-1].interrupted:
        raise Interrupted(f"{len(done) - 1} of {len(entries)} scenarios were decided")
    _leave(verdict_of(done, found))


def _entries(names: list[str], scope: Scope) -> list[Entry]:
    if not names:
        return [entry for entry in ENTRIES if entry.scope is scope]
    found = [entry for name in names for entry in outside.chosen(name, scope)]
    return [entry for number, entry in enumerate(found) if entry not in found[:number]]


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
    max_states: StatesOption = check_verdict.SCOPE_LIMITS.states,
    max_memory: MemoryOption = check_verdict.SCOPE_LIMITS.memory_mb,
    budget: BudgetOption = None,
    max_events: Annotated[
        int | None, typer.Option(min=1, help="Cap of each simulated run; by default it grows with the workload.")
    ] = None,
    seed: SeedOption = 0,
    out: OutOption = Path("rayproof-out"),
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
    with _bar() as bar:
        task = bar.add_task("", total=None)
        reports: list[check_verdict.PolicyReport] = []
        limits = Limits(max_states, max_memory, budget)

        def stage(said: str) -> None:
            bar.update(task, description=said)

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
        _write_json(check_verdict.as_json(report), json_to)
    if interrupted:
        raise Interrupted(f"{len(reports) - 1} of {len(loaded)} policies were checked")
    _leave(report.verdict)


# ---- traces --------------------------------------------------------------------------------------------------------


TrustOption = Annotated[
    bool, typer.Option("--trust", help="Run the policy that the trace names: a program of whoever wrote the trace.")
]
InsteadOption = Annotated[
    str | None, typer.Option("--policy", metavar="NAME|FILE.py|module:Class", help="This policy, not the trace's.")
]


@app.command("replay")
def replay_command(
    file: Annotated[Path, typer.Argument(metavar="TRACE", help="A counterexample that rayproof has written.")],
    trust: TrustOption = False,
    policy: InsteadOption = None,
    json_to: JsonOption = None,
) -> None:
    """Carry a counterexample out again, step by step; exit code 1 when something is still broken."""
    require_file(json_to, file, policy)
    trace = load(file)
    again = shown(trace, file, Trust(trust, policy))
    verdict = Verdict.HOLDS if again.broken is None else Verdict.VIOLATED
    if json_to != STANDARD_OUTPUT:
        say(again.text, end="")
    if json_to is not None:
        document = {"verdict": verdict, "confirmed": again.confirmed, "broken": again.broken}
        _write_json(document | {"trace": json.loads(trace.to_json()), "versions": versions()}, json_to)
    _leave(verdict)


@app.command("show")
def show_command(
    file: Annotated[Path, typer.Argument(metavar="TRACE", help="A counterexample that rayproof has written.")],
    follow_id: Annotated[
        str | None, typer.Option("--follow", metavar="ID", help="The path of one task or call, from submit to result.")
    ] = None,
    trust: TrustOption = False,
    policy: InsteadOption = None,
    json_to: JsonOption = None,
) -> None:
    """Print a counterexample as it was recorded, without carrying it out unless an id is followed."""
    require_file(json_to, file, policy)
    trace = load(file)
    if follow_id is None and (trust or policy is not None):
        raise InputError("--trust" if trust else "--policy", None, "nothing is run", "--follow beside it")
    route = None if follow_id is None else follow.follow(trace, file, follow_id, Trust(trust, policy))
    if json_to != STANDARD_OUTPUT:
        say(listed(trace) if route is None else follow.as_text(route, report_console().width), end="")
    if json_to is not None:
        _write_json(json.loads(trace.to_json()) if route is None else follow.as_json(route), json_to)


# ---- lists ---------------------------------------------------------------------------------------------------------


def _listing(rows: list[dict[str, Any]], columns: tuple[str, ...], json_to: str | None) -> None:
    require_file(json_to)
    if json_to is not None:
        _write_json(rows, json_to)
    if json_to == STANDARD_OUTPUT:
        return
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row[column])) for column in columns))
    report_console().print(table)


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={each}" for name, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


@app.command("scenarios")
def scenarios_command(json_to: JsonOption = None) -> None:
    """List the scenarios that can be verified."""
    require_file(json_to)
    rows = []
    for entry in (*ENTRIES, *outside.offered()):
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
    require_file(markdown_to)
    _write_page(traceability.markdown(), markdown_to or "-")


@app.command("statements")
def statements_command(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="All that is known of one.")] = None,
    json_to: JsonOption = None,
    markdown_to: MarkdownOption = None,
) -> None:
    """List the statements, where they are checked and which planted bug each must notice."""
    require_file(markdown_to)
    require_file(json_to)
    if name is not None:
        said = statements_table.described(name)
        if not said:
            known = [row.statement.name for row in statements_table.rows()]
            expected = expected_name(name, known, "one that `rayproof statements` lists")
            raise InputError("NAME", None, f"unknown statement {name!r}", expected)
        _write_page(said, "-")
        return
    if markdown_to is not None:
        _write_page(statements_table.markdown(), markdown_to)
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
doctor.register(app)
golden.register(app)
recording.register(app)
compare_live.register(app)
reproduce.register(app)
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
