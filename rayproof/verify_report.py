"""The report of `verify` in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from rayproof.check.report import STYLES
from rayproof.console import say
from rayproof.counterexamples import OWN, shown
from rayproof.exercise import Exercise
from rayproof.model.kernel import SEARCH_ENDED, WALKS_ENDED, Verdict
from rayproof.verify import Verification, collision, qualified, slowest, verdict_of


def show(
    done: Sequence[Verification], files: Sequence[Path | None], found: Exercise, seed: int, console: Console
) -> None:
    """Print each scenario with its statements and counterexample, then what was never exercised and the verdict."""
    for verification, file in zip(done, files, strict=True):
        result = verification.result
        style = STYLES[result.verdict]
        size = (
            f"{result.states:,} states, {result.transitions:,} transitions, depth {result.depth}"
            if result.driver == "explore"
            else f"{result.walks:,} walks, {result.transitions:,} steps, longest {result.depth}"
        )
        console.print(
            Text.assemble(
                (result.scenario, "bold"),
                "  ",
                (f"{result.answer}{qualified(result.verdict, result.collision)}", style),
                f"  {size}, {result.cpu_s:.2f} s, {verification.entry.edition}",
            )
        )
        unjudged = [s for s in result.statements if s.note in (SEARCH_ENDED, WALKS_ENDED)]
        for statement in result.statements:
            if statement in unjudged:
                continue
            reduced = result.caveat if statement.verdict is Verdict.HOLDS else ""
            note = "".join(f"  ({words})" for words in (reduced, statement.note) if words)
            console.print(
                Text.assemble(f"  {statement.name}: ", (str(statement.verdict), STYLES[statement.verdict]), note)
            )
        if unjudged:
            names = unjudged[0].name if len(unjudged) == 1 else f"{len(unjudged)} other statements"
            undetermined = (str(Verdict.UNDETERMINED), STYLES[Verdict.UNDETERMINED])
            console.print(Text.assemble(f"  {names}: ", undetermined, f"  ({unjudged[0].note})"))
        for reduction in result.reductions:
            console.print(Text(f"  reduction {reduction}", style="yellow"), soft_wrap=True)
        if result.note:
            console.print(Text(f"  {result.note}", style="yellow"))
        if verification.trace is not None and file is not None:
            say("\n" + shown(verification.trace, file, OWN, found=True).text)
    _show_exercise(done, found, console)
    longest = slowest(done)
    if longest is not None:
        total_s = sum(v.result.cpu_s for v in done)
        console.print(f"slowest: {longest.result.scenario}, {longest.result.cpu_s:.2f} of {total_s:.2f} CPU s")
    total = verdict_of(done, found)
    explored = bool(done) and done[0].result.driver == "explore"
    what = "exhausted within scope" if total is Verdict.HOLDS and explored else ""
    bound = caveats(total, done) + qualified(total, collision(done))
    console.print(
        Text.assemble("verdict: ", (f"{total}{bound}", STYLES[total]), f"  {what}  seed {seed}"), soft_wrap=True
    )


def caveats(total: Verdict, done: Sequence[Verification]) -> str:
    """What a verdict over several scenarios rests on beside their searches, in brackets."""
    found = dict.fromkeys(v.result.caveat for v in done if v.result.caveat)
    return f" ({'; '.join(found)})" if found and total is not Verdict.VIOLATED else ""


def _show_exercise(done: Sequence[Verification], found: Exercise, console: Console) -> None:
    for item in found.idle:
        console.print(Text.assemble(("never exercised: ", STYLES[Verdict.VIOLATED]), item))
    for item, reason in found.expected:
        console.print(Text(f"never exercised, as expected: {item} ({reason})"), soft_wrap=True)
    if len(done) == 1 and not done[0].result.violation:
        result = done[0].result
        judged = {item for item, _ in found.expected} | set(found.idle)
        left = len(set(result.coverage.idle()) - judged)
        if left:
            listed = f"`rayproof explore {result.scenario}` lists them"
            console.print(f"  left to other scopes: {left} handlers, timers or faults ({listed})", soft_wrap=True)
