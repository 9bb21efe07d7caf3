"""What the solver's commands show: every answer for programs (plain values) and for people (tables and a sentence)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rayproof.errors import InputError
from rayproof.solver.gap import Gap
from rayproof.solver.instances import Instance, Objective
from rayproof.solver.makespan import Makespan, Status
from rayproof.solver.migration import Migration
from rayproof.solver.placement import Outcome, Placement
from rayproof.solver.worst import (
    Burst,
    Graph,
    Method,
    Policy,
    Worst,
    least_makespan,
    list_starts,
    loads_of,
    optimal_placement,
    placed,
)

OK, VIOLATED, BAD_INPUT, UNDETERMINED = 0, 1, 2, 3
"""Exit codes: a definite answer, a policy's breach, input that cannot be used, limits that ended before the answer."""


@dataclass(frozen=True)
class Result:
    """What a command found: for programs, for people, and the exit code."""

    data: dict[str, Any]
    view: RenderableType
    code: int


def makespan_result(found: Makespan) -> Result:
    """The shortest schedule, or the interval."""
    optimal = found.status is Status.OPTIMAL
    data = {
        "instance": found.instance.name,
        "objective": Objective.MAKESPAN.value,
        "status": found.status.value,
        "lower_us": found.lower.value_us,
        "upper_us": found.upper_us,
        "certificate": found.lower.kind.value,
        "because": found.lower.certificate,
        "schedule": found.schedule.to_json(),
        "seconds": round(found.seconds, 3),
        "resource_units": found.resource_units,
    }
    table = Table("task", "node", "start us", "end us", title=f"{found.instance.name}: {found.upper_us} us")
    for name, slot in sorted(found.schedule.slots.items(), key=lambda pair: (pair[1].start, pair[0])):
        end = slot.start + found.instance.task[name].duration
        table.add_row(Text(name), Text(slot.node), str(slot.start), str(end))
    if optimal:
        told = f"optimal: {found.upper_us} us, by {found.lower.kind}: {found.lower.certificate}"
    else:
        told = (
            f"undetermined: between {found.lower.value_us} us (by {found.lower.kind}: {found.lower.certificate}) "
            f"and {found.upper_us} us, a gap of {found.gap:.1%}"
        )
    return Result(data, Group(table, Text(told)), OK if optimal else UNDETERMINED)


def placement_result(instance: Instance, found: Placement) -> Result:
    """Seats for everything, or why there are none."""
    data = {
        "instance": instance.name,
        "objective": Objective.PACKING.value,
        "aim": found.aim.value,
        "status": found.outcome.value,
        "lower": str(found.lower),
        "value": None if found.value is None else str(found.value),
        "certificate": found.certificate.value,
        "seats": {name: {"node": node, "gpu": gpu} for name, (node, gpu) in found.seats.items()},
        "strays": found.strays,
        "seconds": round(found.seconds, 3),
        "resource_units": found.resource_units,
    }
    table = Table("occupant", "node", "GPU", title=instance.name)
    for name, (node, gpu) in found.seats.items():
        table.add_row(Text(name), Text(node), "" if gpu is None else str(gpu))
    match found.outcome:
        case Outcome.OPTIMAL:
            told = f"optimal: {found.aim} {found.value}, by {found.certificate}"
        case Outcome.INFEASIBLE:
            told = "infeasible: not everything can be placed at once"
        case Outcome.UNDETERMINED:
            value = "nothing found" if found.value is None else f"at most {found.value}"
            told = f"undetermined: {found.aim} at least {found.lower}, {value}"
    return Result(data, Group(table, Text(told)), UNDETERMINED if found.outcome is Outcome.UNDETERMINED else OK)


def migration_result(instance: Instance, found: Migration) -> Result:
    """Both numbers: the static minimum and the executable plan."""
    plan = found.plan
    data = {
        "instance": instance.name,
        "objective": Objective.MIGRATIONS.value,
        "status": found.outcome.value,
        "static_minimum": found.static_minimum,
        "certificate": found.certificate.value,
        "moves": None
        if plan is None
        else [{"occupant": move.occupant, "from": move.source, "to": move.target} for move in plan.moves],
        "admitted": None if plan is None else {name: node for name, (node, _) in plan.admitted.items()},
        "no_plan_of_at_most": found.refuted_up_to,
        "bytes_moved": found.bytes_moved,
        "seconds": round(found.seconds, 3),
        "resource_units": found.resource_units,
    }
    if found.outcome is Outcome.INFEASIBLE:
        told = "infeasible: no placement of all exists, whatever moves"
    elif plan is not None:
        steps = [f"{at}. {move}" for at, move in enumerate(plan.moves, 1)] or ["nothing has to move"]
        steps += [f"then {name} on {node}" for name, (node, _) in plan.admitted.items()]
        told = f"static minimum {found.static_minimum}, executable plan of {len(plan.moves)} moves:\n" + "\n".join(
            steps
        )
    elif found.seats:
        told = (
            f"static minimum {found.static_minimum}, but no executable plan was found; "
            f"none of at most {found.refuted_up_to} moves exists"
        )
    else:
        told = f"undetermined: at least {found.static_minimum} must move"
    return Result(data, Text(told), UNDETERMINED if found.outcome is Outcome.UNDETERMINED else OK)


def gap_view(found: Iterable[Gap]) -> Table:
    """The distribution per policy and family."""
    table = Table("policy", "family", "instances", "proved", "mean", "median", "worst", title="makespan over optimum")
    for each in found:
        for family in each.families:
            table.add_row(
                Text(each.policy),
                Text(family.family),
                str(family.instances),
                str(family.proved),
                *(f"{value:.3f}" for value in (family.mean, family.median, family.worst)),
            )
    return table


def worst_result(policy: str, found: Worst[Burst] | Worst[Graph], view: Table | None, witness: Path | None) -> Result:
    """The supremum or the worst met, its witness in `view`; the numbers go to the file `witness`."""
    shown = None if found.witness is None else found.witness.to_json()
    if witness is not None and shown is not None:
        try:
            witness.parent.mkdir(parents=True, exist_ok=True)
            witness.write_text(json.dumps(shown, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError(witness, None, error.strerror or str(error), "a file that can be written") from None
    data = {
        "policy": policy,
        "tasks": found.tasks,
        "nodes": found.nodes,
        "ratio": None if found.ratio is None else str(found.ratio),
        "attained": found.attained,
        "proved": found.proved,
        "method": found.method.value,
        "witness": shown if witness is None else str(witness),
        "seconds": round(found.seconds, 3),
    }
    undetermined = found.ratio is None or (found.method is Method.SYMBOLIC and not found.proved)
    code = UNDETERMINED if undetermined else OK
    if view is None:
        return Result(data, Text(f"{policy}: undetermined within the limits"), code)
    known = "the supremum, nothing above it exists at this size" if found.proved else "the worst that was met"
    if found.proved and not found.attained:
        known += "; not attained, the witness comes close"
    told = Text(f"{policy}, {found.tasks} tasks on {found.nodes} nodes: ratio {found.ratio}, {known}")
    return Result(data, Group(told, view), code)


def burst_table(burst: Burst, choose: Policy) -> Table:
    """The two placements side by side."""
    mine, best = placed(burst, choose), optimal_placement(burst)
    table = Table("task", "length", "home", "transfer", "policy puts it on", "optimum puts it on")
    for at, task in enumerate(burst.tasks):
        table.add_row(
            *(str(cell) for cell in (at, task.length, task.home, task.transfer, f"node {mine[at]}", f"node {best[at]}"))
        )
    table.add_section()
    loads = [", ".join(str(load) for load in loads_of(burst, nodes)) for nodes in (mine, best)]
    table.add_row("loads", "", "", "", *loads)
    return table


def graph_table(graph: Graph) -> Table:
    """The graph, the list's starts and the optimum."""
    table = Table("task", "length", "after", "the list starts it at")
    for at, start in enumerate(list_starts(graph)):
        table.add_row(str(at), str(graph.lengths[at]), ", ".join(map(str, graph.before[at])), str(start))
    table.add_section()
    table.add_row("optimum", str(least_makespan(graph)), "", "")
    return table
