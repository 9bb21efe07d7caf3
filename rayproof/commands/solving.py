"""`rayproof solve`, `why`, `gap` and `worst`: optima, reasons, distances and worst cases.

Each command is a plain function from parsed arguments to a `Result`; `register` gives them to typer. A policy that
breaks a rule is a violation; limits that ended before the answer leave it undetermined, which is never a pass.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from enum import StrEnum
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.text import Text

from rayproof.check.simulation import Workload
from rayproof.commands.options import OUT, BudgetOption, ClusterOption, JsonOption, OutOption, SeedOption
from rayproof.commands.solver_results import (
    OK,
    UNDETERMINED,
    Result,
    burst_table,
    gap_view,
    graph_table,
    makespan_result,
    migration_result,
    placement_result,
    worst_result,
)
from rayproof.console import report_console, say
from rayproof.errors import InputError, expected_name
from rayproof.exits import Exit, Interrupted
from rayproof.gaps.bursts import Chooser
from rayproof.gaps.running import heuristic
from rayproof.gaps.workloads import ProgramRun, run_workload
from rayproof.model.documents import printable
from rayproof.model.scheduler.policy import hooks
from rayproof.model.scheduler.policy.built_in import BUILT_IN
from rayproof.policies import load_policy
from rayproof.problems import RECORDING, is_recording, problem, recorded, relaxed, requests
from rayproof.solver.engine import DEFAULT_LIMITS, Limits, Stop
from rayproof.solver.gap import Gap, GapRow, RunHeuristic, gap_of_run, measure_gap
from rayproof.solver.instances import Instance, InstanceError, Objective, to_json
from rayproof.solver.instances.families import tiny
from rayproof.solver.makespan import Status, shortest_schedule
from rayproof.solver.migration import fewest_moves
from rayproof.solver.placement import Aim, best_placement
from rayproof.solver.schedules import heft
from rayproof.solver.why import Explanation, Verdict, why_not
from rayproof.solver.worst import (
    ABSTRACT,
    AbstractPolicy,
    Burst,
    Policy,
    Worst,
    alpha_beta,
    worst_by_search,
    worst_case,
    worst_list,
)
from rayproof.targets import (
    STANDARD_OUTPUT,
    make_folder,
    require_file,
    require_folder,
    require_new_folder_file,
    write_json,
)

HEURISTICS: dict[str, RunHeuristic] = {"heft": heft}
"""Heuristics known by name here; whoever registers the commands may add the model's policies."""

SUFFIXES = frozenset({".json", RECORDING, ".stg", ".sm", ".jsp", ".txt"})
"""Files of a directory that hold instances or recordings."""

Read = str | Path | None

RunWorkload = Callable[[Workload], ProgramRun]


Units = Annotated[
    int | None,
    typer.Option(help="Limit in resource units (the solver's, or bursts tried), which is repeatable.", min=1),
]

WEIGHT = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}|/0{0,8}[1-9][0-9]{0,8})?")
"""A weight of `alpha_beta`: what `Fraction` reads, without powers of ten and divisions by zero."""

MOST_TASKS, MOST_NODES = 32, 32
"""Size of the instances that `worst` looks for: their optima are found by trying everything."""

MOST_OPEN_NODES = 10_000
"""Nodes where a format leaves them open."""

LIST = "list"
"""The abstract policy whose instances are graphs."""


class Family(StrEnum):
    """Generated instances by name."""

    TINY = "tiny"


def solve(
    path: Path,
    objective: Objective | None = None,
    aim: Aim = Aim.NODES,
    nodes: int = 4,
    limits: Limits = DEFAULT_LIMITS,
    seed: int = 0,
    processes: int = 1,
    cluster: Path | None = None,
) -> Result:
    """The optimum of the instance in a file, or the interval that holds it. Raises `InstanceError` and `InputError`.

    Of a recording it is the optimum of its relaxation, on the nodes of the manifest `cluster` if there is one.
    """
    instance = problem(path, nodes, cluster)
    match objective or instance.objective:
        case Objective.MAKESPAN:
            found = makespan_result(shortest_schedule(instance, limits, seed=seed, processes=processes))
        case Objective.PACKING:
            found = placement_result(instance, best_placement(instance, aim, limits, seed))
        case Objective.MIGRATIONS:
            found = migration_result(instance, fewest_moves(instance, limits, seed=seed))
    return found.beside(_left_out(path, cluster))


def why(pending: str, path: Path, limits: Limits = DEFAULT_LIMITS, cluster: Path | None = None) -> Result:
    """Why an occupant, group or task of the problem in a file is pending. Raises `InstanceError` and `InputError`."""
    found: Explanation = why_not(requests(path, cluster), pending, limits)
    return Result(
        {
            "pending": pending,
            "verdict": found.verdict.value,
            "reasons": [{"kind": type(reason).__name__, "text": str(reason)} for reason in found.reasons],
            "minimal": found.minimal,
            "sentence": found.sentence,
        },
        Text(found.sentence),
        UNDETERMINED if found.verdict is Verdict.UNDETERMINED else OK,
    ).beside(_left_out(path, cluster))


def _left_out(path: Path, cluster: Path | None) -> tuple[str, ...]:
    """What a recording says and the instance made of it does not, sizes that are missing included."""
    return recorded(path, cluster).unsupported if os.path.exists(path) and is_recording(path) else ()


def gap(
    policies: Iterable[str],
    instances: str = Family.TINY,
    limits: Limits = DEFAULT_LIMITS,
    seed: int = 0,
    out: Path | None = None,
    cluster: Path | None = None,
) -> Result:
    """How far each policy is from the optimum on a generated family, a file, or a directory of files.

    On a recording the program is run, on the nodes of the manifest `cluster` if there is one, and the optimum is that
    of its relaxation. Policies that draw, draw from `seed`. The worst case seen is saved as an instance in the
    folder `out`. Raises `InstanceError` and `InputError` on an unknown policy or unusable instances, `PolicyError` when
    a policy breaks a rule.
    """
    found: list[Gap] = []
    for policy in policies:
        measured = measure_gap(policy, _heuristic(policy, seed), _instances(instances, cluster), limits, seed)
        runs = _run_rows(policy, _run_of(policy, seed), instances, cluster, limits, seed)
        found.append(Gap(policy, (*measured.rows, *runs)))
    if limits.stopped and not any(each.rows for each in found):
        raise KeyboardInterrupt
    if not any(each.rows for each in found):
        raise InstanceError(f"{instances}: expected instances or recordings that these policies can run, found none")
    rows = [(each, row) for each in found for row in each.rows]
    worst = max(rows, key=lambda pair: pair[1].ratio, default=None)
    saved: Path | None = None
    if worst is not None and out is not None:
        saved = out / f"gap--{_stem(worst[0].policy)}--{_stem(worst[1].instance.name)}.json"
        make_folder(out)
        write_json(to_json(worst[1].instance), saved)
    open_rows = sum(row.status is Status.UNDETERMINED for _, row in rows)
    data = {
        "instances": instances,
        "policies": [
            {
                "policy": each.policy,
                "families": [
                    {
                        "family": family.family,
                        "instances": family.instances,
                        "proved": family.proved,
                        "mean": family.mean,
                        "median": family.median,
                        "worst": family.worst,
                    }
                    for family in each.families
                ],
            }
            for each in found
        ],
        "worst": None
        if worst is None
        else {"policy": worst[0].policy, "instance": worst[1].instance.name, "ratio": worst[1].ratio},
        "worst_saved": None if saved is None else str(saved),
        "seed": seed,
        "undetermined": open_rows,
    }
    told = [f"seed {seed}"]
    if open_rows:
        told.append(f"undetermined: {open_rows} optima are not known; their ratios are upper limits, against a bound")
    if worst is not None:
        most = "" if worst[1].status is Status.OPTIMAL else "at most "
        ratio = f"{most}{worst[1].ratio:.3f} times the optimum"
        told.append(f"worst: {worst[0].policy} on {worst[1].instance.name}, {ratio}")
    if worst is not None and saved is not None:
        told.append(f"saved: {saved}; again: rayproof gap --policy {worst[0].policy} --instances {saved}")
    files = [] if instances == Family.TINY else _files(Path(instances))
    left_out = tuple(dict.fromkeys(note for file in files for note in _left_out(file, cluster)))
    return Result(data, Group(gap_view(found), *map(Text, told)), UNDETERMINED if open_rows else OK).beside(left_out)


def worst(
    policy: str,
    tasks: int,
    nodes: int,
    limits: Limits = DEFAULT_LIMITS,
    seed: int = 0,
    witness: Path | None = None,
) -> Result:
    """The instance on which a policy is furthest from the optimum; its numbers go to the file `witness`.

    Abstract policies are solved, with proof; others are searched. Raises `InputError` for a name that nothing has.
    """
    if not (1 <= tasks <= MOST_TASKS and 1 <= nodes <= MOST_NODES):
        expected = f"expected at least one of each and at most {MOST_TASKS} tasks on {MOST_NODES} nodes"
        raise InstanceError(f"tasks {tasks}, nodes {nodes}: {expected}")
    if policy == LIST:
        listed = worst_list(tasks, nodes, limits)
        return worst_result(policy, listed, None if listed.witness is None else graph_table(listed.witness), witness)
    found, choose = _worst_burst(policy, tasks, nodes, limits, seed)
    return worst_result(policy, found, None if found.witness is None else burst_table(found.witness, choose), witness)


def _heuristic(spec: str, seed: int) -> RunHeuristic:
    """A heuristic by name, with the seed of what it draws."""
    return HEURISTICS.get(spec) or heuristic(_model_policy(spec, HEURISTICS), seed)


def _run_of(spec: str, seed: int) -> RunWorkload | None:
    """What runs a workload under a policy by name; None for a heuristic that is no policy of the model."""
    return None if spec in HEURISTICS else partial(run_workload, policy=_model_policy(spec), seed=seed)


def _model_policy(spec: str, beside: Iterable[str] = ()) -> hooks.Policy:
    """A policy of the model. `beside`: further names that the command knows. Raises `InputError` and `PolicyError`."""
    known = (*beside, *BUILT_IN)
    if spec not in known and spec.partition(":")[0] in ABSTRACT:
        raise InputError(spec, None, "an abstract policy, which cannot be run", "worst --policy, or one of the model's")
    if spec not in known and not re.search(r"[.:/]", spec):
        listed = f"one of {', '.join(known)}, a .py file, or module:Class"
        raise InputError(spec, None, "no policy of that name", expected_name(spec, known, listed))
    return load_policy(spec).policy


def _answer(
    run: Callable[[Limits], Result], budget: float | None, units: int | None, json_to: str | None, *read: Read
) -> None:
    """Run a command's function, say what came out, and leave with its exit code. `read`: files of the command."""
    require_file(json_to, *read)
    stop = Stop()
    try:
        with stop.on_interrupt():
            result = run(Limits(budget, units, stop))
    except InstanceError as error:
        say(f"error: {printable(str(error))}", error=True)
        raise typer.Exit(Exit.BAD_INPUT) from error
    if json_to != STANDARD_OUTPUT:
        report_console().print(result.view)
    if json_to is not None:
        write_json({**result.data, "interrupted": stop.asked}, json_to)
    if stop.asked:
        raise Interrupted("what is known by then is above")
    raise typer.Exit(result.code)


def register(app: typer.Typer) -> None:
    """Add the four commands."""

    @app.command("solve")
    def solve_command(
        instance: Annotated[Path, typer.Argument(help="Instance, recording, workflow, .stg, .sm or job shop.")],
        objective: Annotated[Objective | None, typer.Option(help="Default: what the instance says.")] = None,
        aim: Annotated[Aim, typer.Option(help="What a packing minimises.")] = Aim.NODES,
        nodes: Annotated[
            int, typer.Option(help="Nodes, where the format leaves them open.", min=1, max=MOST_OPEN_NODES)
        ] = 4,
        budget: BudgetOption = 20.0,
        resource_units: Units = None,
        processes: Annotated[int, typer.Option(help="1, or 2 for a portfolio.", min=1, max=2)] = 1,
        cluster: ClusterOption = None,
        seed: SeedOption = 0,
        json_to: JsonOption = None,
    ) -> None:
        """Find the optimum of an instance, or the interval that holds it."""

        def run(limits: Limits) -> Result:
            return solve(instance, objective, aim, nodes, limits, seed, processes, cluster)

        _answer(run, budget, resource_units, json_to, instance, cluster)

    @app.command("why")
    def why_command(
        pending: Annotated[str, typer.Argument(help="A pending actor, placement group or task.")],
        instance: Annotated[Path, typer.Option(help="The instance or recording it is pending in.")],
        cluster: ClusterOption = None,
        budget: BudgetOption = 20.0,
        resource_units: Units = None,
        json_to: JsonOption = None,
    ) -> None:
        """Say why something is pending: a minimal set of reasons."""
        _answer(
            lambda limits: why(pending, instance, limits, cluster), budget, resource_units, json_to, instance, cluster
        )

    @app.command("gap")
    def gap_command(
        policy: Annotated[list[str], typer.Option(help="A policy; may be repeated.")],
        instances: Annotated[
            str, typer.Option(help="tiny, an instance, a recording, or a directory.")
        ] = Family.TINY.value,
        cluster: ClusterOption = None,
        budget: BudgetOption = 20.0,
        resource_units: Units = None,
        out: OutOption = OUT,
        seed: SeedOption = 0,
        json_to: JsonOption = None,
    ) -> None:
        """Measure policies against the optimum."""

        def run(limits: Limits) -> Result:
            require_folder(out)
            if os.path.isdir(instances) and os.path.exists(out) and os.path.samefile(out, instances):
                raise InputError(out, None, "the instances are read from there", "another folder")
            require_file(json_to, *([] if instances == Family.TINY else _files(Path(instances))))
            return gap(policy, instances, limits, seed, out, cluster)

        _answer(run, budget, resource_units, json_to, *policy, cluster)

    @app.command("worst")
    def worst_command(
        policy: Annotated[str, typer.Option(help=f"One of {', '.join((*ABSTRACT, LIST))}, or one of the model's.")],
        tasks: Annotated[int, typer.Option(help="Tasks of the instance.")],
        nodes: Annotated[int, typer.Option(help="Its nodes.")],
        budget: BudgetOption = 30.0,
        resource_units: Units = None,
        witness: Annotated[Path | None, typer.Option(help="File for the worst instance; else in --out.")] = None,
        out: OutOption = OUT,
        seed: SeedOption = 0,
        json_to: JsonOption = None,
    ) -> None:
        """Find the instance on which a policy is furthest from the optimum."""
        target = witness or out / f"worst--{_stem(policy)}--{tasks}-{nodes}.json"

        def run(limits: Limits) -> Result:
            require_new_folder_file(target, policy)
            return worst(policy, tasks, nodes, limits, seed, target)

        _answer(run, budget, resource_units, json_to, policy, target)


def _stem(name: str) -> str:
    """A name as a part of a file's name: of a policy in a file, the file's own."""
    return re.sub(r"[^A-Za-z0-9_.+-]+", "-", Path(name).stem if name.endswith(".py") else name)


def _instances(named: str, cluster: Path | None) -> Iterator[tuple[str, Instance]]:
    """(family, instance) pairs: generated, from one file, or from a directory; recordings are left to `_run_rows`."""
    if named == Family.TINY:
        yield from tiny()
        return
    path = Path(named)
    for file in _files(path):
        if not is_recording(file):
            yield path.name if os.path.isdir(path) else file.stem, problem(file, cluster=cluster)


def _run_rows(
    policy: str, run: RunWorkload | None, named: str, cluster: Path | None, limits: Limits, seed: int
) -> Iterator[GapRow]:
    """One row for each recording; a heuristic that is no policy of the model has none."""
    if named == Family.TINY or run is None:
        return
    for file in _files(Path(named)):
        if is_recording(file) and not limits.stopped:
            workload = recorded(file, cluster)
            instance = relaxed(workload)
            reached = run(workload).makespan_us
            yield gap_of_run(policy, workload.recording.name, instance, reached, limits, seed=seed)


def _files(path: Path) -> list[Path]:
    files = [path]
    if os.path.isdir(path):
        files = sorted(each for each in path.iterdir() if each.suffix.lower() in SUFFIXES and os.path.isfile(each))
    if not files:
        raise InstanceError(f"{path}: expected instances in this directory, found none")
    return files


def _abstract(name: str) -> AbstractPolicy | None:
    """An abstract policy; `alpha_beta:3,1` sets the weights."""
    base, _, weights = name.partition(":")
    if base not in ABSTRACT or (weights and base != "alpha_beta"):
        return None
    if not weights:
        return ABSTRACT[base]()
    given = weights.split(",")
    if len(given) != 2 or not all(WEIGHT.fullmatch(weight) for weight in given):
        raise InstanceError(
            f"policy {name}: expected two weights of at most nine digits, as in alpha_beta:3,1 or 1/2,0.5"
        )
    alpha, beta = map(Fraction, given)
    return replace(alpha_beta(alpha, beta), name=name)


def _worst_burst(policy: str, tasks: int, nodes: int, limits: Limits, seed: int) -> tuple[Worst[Burst], Policy]:
    abstract = _abstract(policy)
    if abstract is not None:
        return worst_case(abstract, tasks, nodes, limits), abstract.choose
    choose = Chooser(_model_policy(policy, (*ABSTRACT, LIST)))
    found = worst_by_search(choose, tasks, nodes, limits=limits, seed=seed, name=policy)
    choose.settle()
    return found, choose
