"""`rayproof bounds SCENARIO [STEPS...]`: how often something happens at most on any run of a scope.

Steps are named by shell patterns over their text, as counterexamples print them: `raylet* -> raylet*` are the hops
between raylets, `*: timer * fires*` the time-outs. With `--while CLAIM` they are counted from where a claim about runs
begins to wait to where it is fulfilled: how many turns of others come before mine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Annotated

import numpy as np
import typer

from rayproof.commands.explore_graph import NotExhaustedError
from rayproof.commands.options import BudgetOption, JsonOption, MemoryOption, StatesOption
from rayproof.console import say
from rayproof.errors import InputError, expected_name
from rayproof.exits import Exit, Interrupted
from rayproof.model.kernel import (
    INTERRUPTED_NOTE,
    LIVENESS,
    Explorer,
    Limits,
    Report,
    StateGraph,
    Statement,
    Step,
    longest_wait,
    most_often,
)
from rayproof.model.kernel.liveness.components import cyclic_parts
from rayproof.outside import entry_of
from rayproof.progress import live
from rayproof.targets import STANDARD_OUTPUT, require_file, write_json

ROUND = 5
"""Steps named of those that can go round for ever."""


@dataclass(frozen=True)
class BoundOf:
    """The answer for one pattern."""

    pattern: str
    steps: int
    """Different steps that it fits."""
    most: int | None
    """None when there is no bound."""
    round: tuple[str, ...] = ()
    """Without a bound: steps of the pattern that can be taken again and again."""


def bounds_of(
    scenario: str, patterns: Sequence[str], claim: str | None, limits: Limits, on_progress: Report | None = None
) -> list[BoundOf]:
    """One answer per pattern.

    Raises `InputError` for a name that is unknown or a pattern that fits no step, `NotExhaustedError` when a limit was
    reached, `Interrupted` when the user has seen enough.
    """
    made = entry_of(scenario).build(None, {})
    named = () if claim is None else (_claim(scenario, claim, made.statements),)
    explorer = Explorer(made, named, limits, on_progress)
    result = explorer.run()
    if result.note.startswith(INTERRUPTED_NOTE):
        raise Interrupted(f"{scenario} was not exhausted after {result.states:,} states; no bound is known")
    if result.note:
        raise NotExhaustedError(f"{scenario} was not exhausted: {result.note}")
    graph = explorer.graph()
    waiting = None if claim is None else explorer.liveness[claim].waiting.states
    answers = []
    for pattern in patterns:
        fits = partial(_fits, pattern)
        count = sum(map(fits, graph.steps))
        if not count:
            near = expected_name(pattern, map(str, graph.steps), f"a pattern over the steps of {scenario}")
            raise InputError("STEPS", None, f"no step fits {pattern!r}", near)
        most = most_often(graph, fits) if waiting is None else longest_wait(graph, waiting, fits)
        answers.append(BoundOf(pattern, count, most, () if most is not None else _going_round(graph, fits)))
    return answers


def _fits(pattern: str, step: Step) -> bool:
    return fnmatchcase(str(step), pattern)


def _claim(scenario: str, name: str, statements: Sequence[Statement]) -> Statement:
    claims = {s.name: s for s in statements if s.kind in LIVENESS}
    if name not in claims:
        listed = f"a claim about runs of {scenario}: {', '.join(claims) or 'it has none'}"
        raise InputError("--while", None, f"no claim {name!r}", expected_name(name, claims, listed))
    return claims[name]


def _going_round(graph: StateGraph, fits: Callable[[Step], bool]) -> tuple[str, ...]:
    """Steps that lie on a loop."""
    sources, targets = graph.sources.astype(np.int64), graph.targets.astype(np.int64)
    labels = {int(label) for part in cyclic_parts(sources, targets) for label in np.unique(graph.labels[part])}
    return tuple(sorted(str(graph.steps[label]) for label in labels if fits(graph.steps[label])))


def described(answers: Sequence[BoundOf], claim: str | None) -> str:
    """A line per pattern."""
    during = "on any run" if claim is None else f"while {claim} waits"
    lines = []
    for answer in answers:
        what = "steps of any kind" if answer.pattern == "*" else f"{answer.pattern!r} ({answer.steps} steps)"
        if answer.most is not None:
            lines.append(f"{what}: at most {answer.most} {during}")
            continue
        more = f" and {len(answer.round) - ROUND} more" if len(answer.round) > ROUND else ""
        lines.append(f"{what}: no bound {during}; again and again: {', '.join(answer.round[:ROUND])}{more}")
    return "\n".join(lines)


def register(app: typer.Typer) -> None:
    """Give the command to typer; an `InputError` is left to the caller's exit code."""

    @app.command("bounds")
    def bounds_command(
        scenario: Annotated[str, typer.Argument(help="A name that `rayproof scenarios` lists.")],
        steps: Annotated[
            list[str] | None, typer.Argument(help="Patterns of steps, as 'raylet* -> raylet*'; all steps by default.")
        ] = None,
        claim: Annotated[
            str | None, typer.Option("--while", metavar="CLAIM", help="Count while this claim about runs waits.")
        ] = None,
        max_states: StatesOption = Limits.states,
        max_memory: MemoryOption = Limits.memory_mb,
        budget: BudgetOption = None,
        json_to: JsonOption = None,
    ) -> None:
        """Say how often steps are taken at most on any run, faults and unfair runs included."""
        require_file(json_to)
        limits = Limits(max_states, max_memory, budget)
        try:
            with live() as report:
                answers = bounds_of(scenario, steps or ["*"], claim, limits, lambda now: report(scenario, now))
        except NotExhaustedError as error:
            say(f"undetermined: {error}", error=True)
            raise typer.Exit(Exit.UNDETERMINED) from None
        if json_to != STANDARD_OUTPUT:
            say(described(answers, claim))
        if json_to is not None:
            write_json({"scenario": scenario, "while": claim, "bounds": [asdict(each) for each in answers]}, json_to)
