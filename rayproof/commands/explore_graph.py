"""`rayproof explore SCENARIO --graph FILE`: a scope's size, and the state graph of a small one.

Graphviz's dot and GraphML, by the file's ending. States are numbered in the order of their discovery; a label names the
processes that the step into the state changed. More states than a reader can follow are refused rather than cut off: a
picture of part of a graph shows runs that end where the model goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import networkx as nx
import typer

from rayproof.commands.options import BudgetOption, EngineOption, JsonOption, MemoryOption, OnlyOption, ReduceOption
from rayproof.console import say
from rayproof.errors import InputError
from rayproof.exits import Exit, Interrupted
from rayproof.model.kernel import (
    EXIT_CODES,
    INTERRUPTED_NOTE,
    Engine,
    Explorer,
    Limits,
    Process,
    Reduction,
    Report,
    Result,
    StateGraph,
)
from rayproof.model.kernel.language.process import state_fields
from rayproof.outside import entry_of
from rayproof.progress import live
from rayproof.reducing import explore_entry, only, wanted
from rayproof.targets import STANDARD_OUTPUT, require_file, write_json, write_text

MOST_STATES = 2_000
"""States that a picture may have, unless the user allows more."""


class NotExhaustedError(Exception):
    """The search ended before there was a whole graph: why."""


def state_graph(scenario: str, limits: Limits) -> nx.MultiDiGraph[int]:
    """The graph of a named scenario. Nodes: `label`, `quiescent`; edges: `label`, `fault`.

    Raises `InputError` for an unknown scenario and for one with more states than the limits allow, `NotExhaustedError`
    when another limit was reached, `Interrupted` when the user has seen enough.
    """
    most = limits.states
    explorer = Explorer(entry_of(scenario).build(None, {}), (), replace(limits, states=most + 1))
    result = explorer.run()
    if result.note.startswith(INTERRUPTED_NOTE):
        raise Interrupted(f"{scenario} was not exhausted after {result.states:,} states; no picture was written")
    if result.states > most:
        raise InputError(
            "SCENARIO", None, f"{scenario} has more than {most:,} states", "a smaller scope, or a larger --max-states"
        )
    if result.note:
        raise NotExhaustedError(f"{scenario} was not exhausted: {result.note}")
    return as_networkx(explorer.graph())


def as_networkx(graph: StateGraph) -> nx.MultiDiGraph[int]:
    """A state graph with labels for people."""
    made: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    for number, state in enumerate(graph.order):
        quiescent = graph.transitions.successors(state)[1]
        made.add_node(number, label=_changes(graph, number), quiescent=quiescent)
    for edge, target in enumerate(graph.targets.tolist()):
        outcome = graph.outcome(edge)
        choices = f" {list(outcome.taken.choices)}" if outcome.taken.choices else ""
        fault = not bool(graph.system[graph.labels[edge]])
        made.add_edge(graph.source(edge), target, edge, label=f"{outcome.taken.step}{choices}", fault=fault)
    return made


def _changes(graph: StateGraph, number: int) -> str:
    """What is different from the state before, on a shortest way."""
    interner = graph.transitions.interner
    here = graph.transitions.unpack(graph.order[number])
    before = graph.transitions.unpack(graph.order[graph.parents[number]])
    lines = [f"{number}"]
    for slot in range(graph.transitions.packing.width):
        new, old = interner.locals[slot][here[slot]], interner.locals[slot][before[slot]]
        if new is not old:
            lines.append(f"{new.name}: {_difference(old.process, new.process)}" if new.alive else f"{new.name} is down")
    return "\n".join(lines)


def _difference(old: Process, new: Process) -> str:
    changed = [name for name in state_fields(type(new)) if getattr(new, name) != getattr(old, name, None)]
    return ", ".join(f"{name}={getattr(new, name)!r}" for name in changed) or "timers"


def as_dot(graph: nx.MultiDiGraph[int]) -> str:
    """Graphviz text; quiescent states have a double line, faults are dashed."""
    lines = ["digraph states {", "  node [shape=box, fontsize=10];", "  edge [fontsize=9];"]
    for node, data in graph.nodes(data=True):
        lines.append(f"  {node} [label={_quoted(data['label'])}{', peripheries=2' if data['quiescent'] else ''}];")
    for source, target, data in graph.edges(data=True):
        style = ", style=dashed, color=red" if data["fault"] else ""
        lines.append(f"  {source} -> {target} [label={_quoted(data['label'])}{style}];")
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\l")
    return f'"{escaped}"'


def write(scenario: str, file: Path, limits: Limits) -> int:
    """Write the graph of a named scenario; returns its number of states. Raises what `state_graph` raises."""
    if file.suffix not in (".dot", ".gv", ".graphml"):
        raise InputError(file, None, f"the ending {file.suffix!r}", ".dot, .gv or .graphml")
    require_file(file, scenario)
    graph = state_graph(scenario, limits)
    write_text("\n".join(nx.generate_graphml(graph)) + "\n" if file.suffix == ".graphml" else as_dot(graph), file)
    return graph.number_of_nodes()


def size(
    scenario: str,
    engine: Engine,
    limits: Limits,
    on_progress: Report,
    reductions: Sequence[Reduction] = (),
    statements: Sequence[str] = (),
) -> Result:
    """Exhaust a named scenario; without reductions no statement is asked for.

    `statements`: names of those that the reductions must respect; all when there are none. Raises `InputError`.
    """
    (entry,) = only([entry_of(scenario)], statements)
    made = entry.build(None, {})
    respected = made.statements if reductions else ()
    return explore_entry(
        entry, made, reductions, statements=respected, limits=limits, on_progress=on_progress, engine=engine
    )


def described(result: Result) -> str:
    """What a scope is made of, a line each: size, speed, and what was never exercised."""
    seconds = max(result.cpu_s, 1e-9)
    lines = [
        f"{result.scenario}: {result.states:,} states, {result.transitions:,} transitions, depth {result.depth}",
        f"  engine: {result.engine}; {result.cpu_s:.2f} CPU s, {result.states / seconds:,.0f} states a CPU second, "
        f"{result.handler_runs:,} handler runs",
    ]
    lines += [f"  {result.answer}"] if result.caveat else []
    lines += [f"  reduction {reduction}" for reduction in result.reductions]
    if result.violation is not None:
        lines.append(f"  not exhausted: {result.violation.statement} is broken")
    idle = () if result.reduced else result.coverage.idle()
    lines += [f"  never exercised here: {item}" for item in idle]
    if result.collision:
        lines.append(f"  two states were taken for one with p <= {result.collision:.1g}")
    if result.note:
        lines.append(f"  not exhausted: {result.note}")
    return "\n".join(lines)


def as_json(result: Result) -> dict[str, Any]:
    """The same, for programs."""
    return {
        "scenario": result.scenario,
        "verdict": result.verdict,
        "answer": result.answer,
        "states": result.states,
        "transitions": result.transitions,
        "depth": result.depth,
        "engine": result.engine,
        "reductions": list(result.reductions),
        "never_exercised": [] if result.reduced else list(result.coverage.idle()),
        "collision": result.collision,
        "note": result.note,
        "cpu_s": result.cpu_s,
    }


def register(app: typer.Typer) -> None:
    """Give the command to typer; an `InputError` is left to the caller's exit code."""

    @app.command("explore")
    def explore_command(
        scenario: Annotated[str, typer.Argument(help="A name that `rayproof scenarios` lists, or FILE.py[:NAME].")],
        graph: Annotated[
            Path | None, typer.Option("--graph", metavar="FILE", help="Write the states: .dot, .gv or .graphml.")
        ] = None,
        engine: EngineOption = Engine.AUTO,
        reduce: ReduceOption = None,
        only_: OnlyOption = None,
        max_states: Annotated[
            int | None, typer.Option(min=1, help=f"Cap; with --graph {MOST_STATES:,} unless said otherwise.")
        ] = None,
        max_memory: MemoryOption = Limits.memory_mb,
        budget: BudgetOption = None,
        json_to: JsonOption = None,
    ) -> None:
        """Say how large a scenario is; with --graph, write the state graph of a small one."""
        require_file(json_to, scenario)
        reductions = wanted(reduce)
        if graph is not None and json_to is not None:
            raise InputError("--json", None, "a picture has no report", "--graph alone")
        if reductions and graph is not None:
            raise InputError("--reduce", None, "a picture shows all states", "--graph alone")
        if only_ and not reductions:
            raise InputError("--only", None, "explore asks for no statement", "--only beside --reduce")
        if graph is not None:
            try:
                states = write(scenario, graph, Limits(max_states or MOST_STATES, max_memory, budget))
            except NotExhaustedError as error:
                say(f"undetermined: {error}", error=True)
                raise typer.Exit(Exit.UNDETERMINED) from None
            say(f"{graph}: {states:,} states")
            return
        limits = Limits(max_states or Limits.states, max_memory, budget)
        with live() as report:
            result = size(
                scenario, engine, limits, lambda progress: report(scenario, progress), reductions, only_ or ()
            )
        if json_to != STANDARD_OUTPUT:
            say(described(result))
        if json_to is not None:
            write_json(as_json(result), json_to)
        if result.note.startswith(INTERRUPTED_NOTE):
            raise Interrupted(f"{result.states:,} states were found; there are more")
        raise typer.Exit(EXIT_CODES[result.verdict])
