"""What `pytest properties/` says at its beginning and its end, on the terminal and in junit files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import pytest
from _pytest.junitxml import xml_key

from rayproof.model.kernel import SEARCH_ENDED, Verdict
from rayproof.properties.suite.shared import ENDED, PROFILES, SCHEDULES, VACUOUS, Row
from rayproof.suite.fingerprints import Fingerprints
from rayproof.suite.options import Options
from rayproof.verify import versions

ANSWERS = (Verdict.HOLDS, Verdict.VIOLATED, Verdict.KNOWN, VACUOUS, Verdict.UNDETERMINED)
"""In the order of the columns."""

PREFIX = "rayproof"

QUESTIONS = f"{PREFIX}.questions"
"""Property of a report: what the policy was asked for the first time in that test."""


def facts(options: Options, fingerprints: Fingerprints) -> dict[str, str]:
    """What the answers depend on."""
    factor, runs = PROFILES[options.profile]
    return {
        **versions(),
        "model": fingerprints.model,
        "profile": options.profile,
        "bounds": f"{SCHEDULES * factor} random schedules a scenario, {runs} runs a readable machine",
        "policy": "each scenario's own" if options.policy is None else options.policy.spec,
        "edition": options.edition or "both",
        "only": options.only or "every statement",
        "seed": str(options.seed),
        "out": str(options.out),
    }


def header(options: Options, fingerprints: Fingerprints) -> list[str]:
    """Lines at the beginning of the session."""
    known = facts(options, fingerprints)
    libraries = ("rayproof", "python", "hypothesis", "networkx", "numpy", "z3-solver", "model")
    asked = ("policy", "edition", "only", "seed", "out")
    return [
        "rayproof: " + ", ".join(f"{name} {known[name]}" for name in libraries),
        f"rayproof: profile {known['profile']}: {known['bounds']}",
        "rayproof: " + ", ".join(f"{name}: {known[name]}" for name in asked),
    ]


def add_global_properties(config: pytest.Config, options: Options, fingerprints: Fingerprints) -> None:
    """The same as properties of the junit test suite; the fixture for it does not work with workers."""
    xml = config.stash.get(xml_key, None)
    if xml is not None:
        for name, value in facts(options, fingerprints).items():
            xml.add_global_property(f"{PREFIX}.{name}", value)


def as_property(row: Row, seed: int) -> tuple[str, str]:
    """One answer as a property of a report."""
    note = f" note={row.note}" if row.note else ""
    return (
        f"{PREFIX}:{row.driver}:{row.scenario}:{row.statement}",
        f"{row.verdict} cases={row.cases} steps={row.steps} seed={seed}{note}",
    )


def rows_of(properties: Iterable[tuple[str, object]]) -> list[Row]:
    """The answers among the properties of a report."""
    rows = []
    for name, value in properties:
        if not name.startswith(f"{PREFIX}:"):
            continue
        _, driver, scenario, statement = name.split(":", 3)
        verdict, cases, steps, rest = str(value).split(" ", 3)
        note = rest.partition(" note=")[2]
        count, taken = int(cases.removeprefix("cases=")), int(steps.removeprefix("steps="))
        rows.append(Row(statement, scenario, driver, verdict, count, taken, note))
    return rows


def show(terminal: pytest.TerminalReporter, rows: Sequence[Row], seed: int, *, verbose: bool) -> None:
    """A line per statement, and one per pair of statement and scenario where there is more to say (`-v`: of all)."""
    if not rows:
        return
    terminal.section("rayproof: statements", sep="-")
    by_statement: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row.statement, row.scenario, row.driver)):
        by_statement.setdefault(row.statement, []).append(row)
    width = max(map(len, by_statement))
    terminal.line(f"{'statement':{width}}  " + "  ".join(ANSWERS) + "  scenarios       cases        steps  seed")
    for statement, found in by_statement.items():
        answers = Counter(_answers(found).values())
        counts = "  ".join(f"{answers[answer] or '.':>{len(answer)}}" for answer in ANSWERS)
        scenarios = len({row.scenario for row in found})
        cases, steps = sum(row.cases for row in found), sum(row.steps for row in found)
        terminal.line(
            f"{statement:{width}}  {counts}  {scenarios:>9}  {cases:>10,}  {steps:>11,}  {seed}",
            red=bool(answers[Verdict.VIOLATED]),
        )
    for found in by_statement.values():
        for scenario, answer in _answers(found).items():
            rows_of_it = [row for row in found if row.scenario == scenario]
            ended = all(row.note in (ENDED, SEARCH_ENDED) for row in rows_of_it)
            if verbose or (answer != Verdict.HOLDS and not ended):
                _detail(terminal, rows_of_it, answer)
    total = Counter(answer for found in by_statement.values() for answer in _answers(found).values())
    terminal.line(
        f"{len(by_statement)} statements in {len({row.scenario for row in rows})} scenarios: "
        + ", ".join(f"{total[answer]} {answer}" for answer in ANSWERS if total[answer])
        + f"; seed {seed}"
    )


def _answers(found: Sequence[Row]) -> dict[str, str]:
    """Scenario -> the answer over all drivers: a violation beats all, an exhausted scope beats random runs."""
    answers: dict[str, str] = {}
    for scenario in dict.fromkeys(row.scenario for row in found):
        rows = [row for row in found if row.scenario == scenario]
        given = {row.verdict for row in rows}
        sure = {row.verdict for row in rows if row.driver == "explore"}
        if Verdict.VIOLATED in given:
            answers[scenario] = Verdict.VIOLATED
        elif Verdict.UNDETERMINED in given:
            answers[scenario] = Verdict.UNDETERMINED
        elif Verdict.KNOWN in given:
            answers[scenario] = Verdict.KNOWN
        else:
            # What happens only now and then may be missed by one driver and seen by another.
            answers[scenario] = VACUOUS if (sure or given) == {VACUOUS} else str(Verdict.HOLDS)
    return answers


def _detail(terminal: pytest.TerminalReporter, rows: Sequence[Row], answer: str) -> None:
    how = "; ".join(f"{row.driver} {row.cases:,} cases {row.steps:,} steps" for row in rows)
    note = next((f"  ({row.note})" for row in rows if row.note and row.verdict == answer), "")
    terminal.line(f"  {rows[0].statement} in {rows[0].scenario}: {answer}  {how}{note}", red=answer == Verdict.VIOLATED)
