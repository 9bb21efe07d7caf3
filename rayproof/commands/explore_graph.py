"""`rayproof explore SCENARIO --graph FILE`: the state graph of a small scope, for documents and for looking at.

Graphviz's dot and GraphML, by the file's ending. States are numbered in the order of their discovery; a label names the
processes that the step into the state changed. More states than a reader can follow are refused rather than cut off: a
picture of part of a graph shows runs that end where the model goes on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import networkx as nx
import typer

from model.kernel import Process, Verdict
from model.kernel.explore import Explorer, Limits
from model.kernel.process import state_fields
from model.kernel.stategraph import StateGraph
from properties.catalogue import CATALOGUE, build
from rayproof.errors import InputError

MOST_STATES = 2_000
"""States that a picture may have."""


def state_graph(scenario: str, most: int = MOST_STATES) -> nx.MultiDiGraph[int]:
    """The graph of a named scenario. Nodes: `label`, `quiescent`; edges: `label`, `fault`.

    Raises `InputError` for an unknown scenario and for one with more than `most` states.
    """
    if scenario not in CATALOGUE:
        known = ", ".join(CATALOGUE)
        raise InputError("SCENARIO", None, f"unknown scenario {scenario!r}", f"one of {known}")
    explorer = Explorer(build(scenario), (), Limits(states=most))
    result = explorer.run()
    if result.verdict is Verdict.UNDETERMINED or result.states > most:
        raise InputError(
            "SCENARIO", None, f"{scenario} has more than {most} states", "a smaller scope, or a larger --max-states"
        )
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
        made.add_edge(graph.source(edge), target, label=f"{outcome.taken.step}{choices}", fault=fault)
    return made


def _changes(graph: StateGraph, number: int) -> str:
    """What is different from the state before, on a shortest way."""
    interner = graph.transitions.interner
    here = graph.transitions.unpack(graph.order[number])
    before = graph.transitions.unpack(graph.order[graph.parents[number]])
    lines = [f"{number}"]
    for slot in range(graph.transitions.width):
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


def write(scenario: str, file: Path, most: int = MOST_STATES) -> int:
    """Write the graph of a named scenario; returns its number of states. Raises `InputError`."""
    if file.suffix not in (".dot", ".gv", ".graphml"):
        raise InputError(file, None, f"the ending {file.suffix!r}", ".dot, .gv or .graphml")
    graph = state_graph(scenario, most)
    try:
        if file.suffix == ".graphml":
            nx.write_graphml(graph, file)
        else:
            file.write_text(as_dot(graph), encoding="utf-8")
    except OSError as error:
        raise InputError(file, None, error.strerror or str(error), "a file that can be written") from None
    return graph.number_of_nodes()


def register(app: typer.Typer) -> None:
    """Give the command to typer; an `InputError` is left to the caller's exit code."""

    @app.command("explore")
    def explore_command(
        scenario: Annotated[str, typer.Argument(help="A name that `rayproof scenarios` lists.")],
        graph: Annotated[Path, typer.Option("--graph", help="Where to write the states: .dot, .gv or .graphml.")],
        max_states: Annotated[int, typer.Option(min=1, help="More states than this are refused.")] = MOST_STATES,
    ) -> None:
        """Write the state graph of a small scenario."""
        states = write(scenario, graph, max_states)
        typer.echo(f"{graph}: {states} states")
