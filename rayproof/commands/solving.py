"""`rayproof solve`, `why`, `gap` and `worst`: optima, reasons, distances and worst cases.

Each command is a plain function from parsed arguments to a `Result`; `register` gives them to typer. Exit codes: 0 for
a definite answer, 1 for a policy that breaks a rule, 2 for unusable input, 3 when the limits ended before the answer,
which is never a pass.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, Group
from rich.text import Text

from rayproof.check.simulation import Workload
from rayproof.commands.solver_results import (
    BAD_INPUT,
    OK,
    UNDETERMINED,
    VIOLATED,
    Result,
    burst_table,
    gap_view,
    graph_table,
    makespan_result,
    migration_result,
    placement_result,
    worst_result,
)
from rayproof.errors import InputError
from rayproof.gaps.workloads import ProgramRun
from rayproof.model.kernel import PolicyError
from rayproof.problems import RECORDING, is_recording, problem, recorded, relaxed, requests
from rayproof.solver.engine import DEFAULT_LIMITS, Limits
from rayproof.solver.gap import Gap, GapRow, RunHeuristic, gap_of_run, measure_gap
from rayproof.solver.instances import Instance, InstanceError, Objective, save
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

HEURISTICS: dict[str, RunHeuristic] = {"heft": heft}
"""Heuristics known by name here; whoever registers the commands may add the model's policies."""

FindHeuristic = Callable[[str, int], RunHeuristic | None]
"""A heuristic by name, with the seed of what it draws."""
FindPolicy = Callable[[str], Policy | None]
SUFFIXES = frozenset({".json", RECORDING, ".stg", ".sm", ".jsp", ".txt"})
"""Files of a directory that hold instances or recordings."""

RunWorkload = Callable[[Workload], ProgramRun]
FindRun = Callable[[str, int], RunWorkload | None]
"""What runs a workload under a policy by name, with the seed of what it draws."""


Seconds = Annotated[float, typer.Option(help="Limit in seconds; the answer is then an interval.", min=0)]
Units = Annotated[int | None, typer.Option(help="Limit in solver resource units, which is repeatable.", min=1)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Seed = Annotated[int, typer.Option(help="Seed of every random choice.")]
OutOption = Annotated[Path, typer.Option("--out", help="Folder for the worst case.")]
OUT = Path("rayproof-out")
ClusterFile = Annotated[
    Path | None, typer.Option(metavar="RAYCLUSTER.yaml", help="For a recording: this cluster, not its own.")
]


LIST = "list"
"""The abstract policy whose instances are graphs."""


class Family(StrEnum):
    """Generated instances by name."""

    TINY = "tiny"


def known_heuristic(name: str, seed: int) -> RunHeuristic | None:
    """A heuristic that needs no model; these draw nothing."""
    return HEURISTICS.get(name)


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
            return makespan_result(shortest_schedule(instance, limits, seed=seed, processes=processes))
        case Objective.PACKING:
            return placement_result(instance, best_placement(instance, aim, limits, seed))
        case Objective.MIGRATIONS:
            return migration_result(instance, fewest_moves(instance, limits, seed=seed))


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
    )


def gap(
    policies: Iterable[str],
    instances: str = Family.TINY,
    find: FindHeuristic = known_heuristic,
    limits: Limits = DEFAULT_LIMITS,
    seed: int = 0,
    out: Path | None = None,
    find_run: FindRun = lambda name, seed: None,
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
        heuristic = find(policy, seed)
        if heuristic is None:
            raise InstanceError(f"policy {policy}: expected one of {', '.join(HEURISTICS)}, or one of the model's")
        measured = measure_gap(policy, heuristic, _instances(instances, cluster), limits, seed)
        runs = _run_rows(policy, find_run(policy, seed), instances, cluster, limits, seed)
        found.append(Gap(policy, (*measured.rows, *runs)))
    if not any(each.rows for each in found):
        raise InstanceError(f"{instances}: expected instances or recordings that these policies can run, found none")
    rows = [(each, row) for each in found for row in each.rows]
    worst = max(rows, key=lambda pair: pair[1].ratio, default=None)
    saved: Path | None = None
    if worst is not None and out is not None:
        saved = _written(out, f"gap--{_stem(worst[0].policy)}--{_stem(worst[1].instance.name)}.json")
        save(worst[1].instance, saved)
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
    if worst is not None:
        told.append(f"worst: {worst[0].policy} on {worst[1].instance.name}, {worst[1].ratio:.3f} times the optimum")
    if worst is not None and saved is not None:
        told.append(f"saved: {saved}; again: rayproof gap --policy {worst[0].policy} --instances {saved}")
    return Result(data, Group(gap_view(found), *map(Text, told)), UNDETERMINED if open_rows else OK)


def worst(
    policy: str,
    tasks: int,
    nodes: int,
    find: FindPolicy = lambda name: None,
    limits: Limits = DEFAULT_LIMITS,
    seed: int = 0,
    witness: Path | None = None,
) -> Result:
    """The instance on which a policy is furthest from the optimum; its numbers go to the file `witness`.

    Abstract policies are solved, with proof; whatever else `find` knows is searched. Raises `InstanceError` when it
    knows nothing of that name.
    """
    if tasks < 1 or nodes < 1:
        raise InstanceError(f"tasks {tasks}, nodes {nodes}: expected at least one of each")
    if policy == LIST:
        listed = worst_list(tasks, nodes, limits)
        return worst_result(policy, listed, None if listed.witness is None else graph_table(listed.witness), witness)
    found, choose = _worst_burst(policy, tasks, nodes, find, limits, seed)
    return worst_result(policy, found, None if found.witness is None else burst_table(found.witness, choose), witness)


def register(
    app: typer.Typer,
    find_heuristic: FindHeuristic = known_heuristic,
    find_policy: FindPolicy = lambda name: None,
    find_run: FindRun = lambda name, seed: None,
    console: Console | None = None,
) -> None:
    """Add the four commands; the finders bring in the model's policies by name."""

    def show(run: Callable[[], Result], as_json: bool) -> None:
        # Made here, because a console takes its width from the environment once, when it is made.
        out = console or Console()
        try:
            result = run()
        except (InstanceError, InputError) as error:
            Console(stderr=True).print(f"error: {error}", markup=False, highlight=False)
            raise typer.Exit(BAD_INPUT) from error
        except PolicyError as error:
            Console(stderr=True).print(f"{error.rule}: {error}", markup=False, highlight=False)
            raise typer.Exit(VIOLATED) from error
        if as_json:
            out.print_json(json.dumps(result.data))
        else:
            out.print(result.view)
        raise typer.Exit(result.code)

    @app.command("solve")
    def solve_command(
        instance: Annotated[Path, typer.Argument(help="Instance, recording, workflow, .stg, .sm or job shop.")],
        objective: Annotated[Objective | None, typer.Option(help="Default: what the instance says.")] = None,
        aim: Annotated[Aim, typer.Option(help="What a packing minimises.")] = Aim.NODES,
        nodes: Annotated[int, typer.Option(help="Nodes, where the format leaves them open.", min=1)] = 4,
        seconds: Seconds = 20.0,
        resource_units: Units = None,
        processes: Annotated[int, typer.Option(help="1, or 2 for a portfolio.", min=1, max=2)] = 1,
        cluster: ClusterFile = None,
        seed: Seed = 0,
        as_json: AsJson = False,
    ) -> None:
        """Find the optimum of an instance, or the interval that holds it."""
        limits = Limits(seconds, resource_units)
        show(lambda: solve(instance, objective, aim, nodes, limits, seed, processes, cluster), as_json)

    @app.command("why")
    def why_command(
        pending: Annotated[str, typer.Argument(help="A pending actor, placement group or task.")],
        scenario: Annotated[Path, typer.Option(help="The instance or recording it is pending in.")],
        cluster: ClusterFile = None,
        seconds: Seconds = 20.0,
        resource_units: Units = None,
        as_json: AsJson = False,
    ) -> None:
        """Say why something is pending: a minimal set of reasons."""
        show(lambda: why(pending, scenario, Limits(seconds, resource_units), cluster), as_json)

    @app.command("gap")
    def gap_command(
        policy: Annotated[list[str], typer.Option(help="A policy; may be repeated.")],
        instances: Annotated[
            str, typer.Option(help="tiny, an instance, a recording, or a directory.")
        ] = Family.TINY.value,
        cluster: ClusterFile = None,
        seconds: Seconds = 20.0,
        resource_units: Units = None,
        out: OutOption = OUT,
        seed: Seed = 0,
        as_json: AsJson = False,
    ) -> None:
        """Measure policies against the optimum."""
        limits = Limits(seconds, resource_units)
        show(
            lambda: gap(policy, instances, find_heuristic, limits, seed, out, find_run, cluster),
            as_json,
        )

    @app.command("worst")
    def worst_command(
        policy: Annotated[str, typer.Option(help=f"One of {', '.join((*ABSTRACT, LIST))}, or one of the model's.")],
        tasks: Annotated[int, typer.Option(help="Tasks of the instance.")],
        nodes: Annotated[int, typer.Option(help="Its nodes.")],
        seconds: Seconds = 30.0,
        resource_units: Units = None,
        witness: Annotated[Path | None, typer.Option(help="File for the worst instance; else in --out.")] = None,
        out: OutOption = OUT,
        seed: Seed = 0,
        as_json: AsJson = False,
    ) -> None:
        """Find the instance on which a policy is furthest from the optimum."""
        limits = Limits(seconds, resource_units)
        witness = witness or out / f"worst--{_stem(policy)}--{tasks}-{nodes}.json"
        show(lambda: worst(policy, tasks, nodes, find_policy, limits, seed, witness), as_json)


def _stem(name: str) -> str:
    """A name as a part of a file's name: of a policy in a file, the file's own."""
    return re.sub(r"[^A-Za-z0-9_.+-]+", "-", Path(name).stem if name.endswith(".py") else name)


def _written(folder: Path, name: str) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(folder, None, error.strerror or str(error), "a folder that can be written") from None
    return folder / name


def _instances(named: str, cluster: Path | None) -> Iterator[tuple[str, Instance]]:
    """(family, instance) pairs: generated, from one file, or from a directory; recordings are left to `_run_rows`."""
    if named == Family.TINY:
        yield from tiny()
        return
    path = Path(named)
    for file in _files(path):
        if not is_recording(file):
            yield path.name if path.is_dir() else file.stem, problem(file, cluster=cluster)


def _run_rows(
    policy: str, run: RunWorkload | None, named: str, cluster: Path | None, limits: Limits, seed: int
) -> Iterator[GapRow]:
    """One row for each recording; a heuristic that is no policy of the model has none."""
    if named == Family.TINY or run is None:
        return
    for file in _files(Path(named)):
        if is_recording(file):
            workload = recorded(file, cluster)
            instance = relaxed(workload)
            reached = run(workload).makespan_us
            yield gap_of_run(policy, workload.recording.name, instance, reached, limits, seed=seed)


def _files(path: Path) -> list[Path]:
    files = [path]
    if path.is_dir():
        files = sorted(each for each in path.iterdir() if each.suffix.lower() in SUFFIXES and each.is_file())
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
    try:
        alpha, beta = (Fraction(weight) for weight in weights.split(","))
    except ValueError:
        raise InstanceError(f"policy {name}: expected two weights, as in alpha_beta:3,1") from None
    return replace(alpha_beta(alpha, beta), name=name)


def _worst_burst(
    policy: str, tasks: int, nodes: int, find: FindPolicy, limits: Limits, seed: int
) -> tuple[Worst[Burst], Policy]:
    abstract = _abstract(policy)
    if abstract is not None:
        return worst_case(abstract, tasks, nodes, limits), abstract.choose
    choose = find(policy)
    if choose is None:
        known = ", ".join((*ABSTRACT, LIST))
        raise InstanceError(f"policy {policy}: expected one of {known}, or one of the model's")
    found = worst_by_search(choose, tasks, nodes, seconds=limits.seconds, seed=seed, name=policy)
    settle = getattr(choose, "settle", None)
    if settle is not None:
        settle()
    return found, choose
