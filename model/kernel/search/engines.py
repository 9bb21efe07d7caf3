"""Which engine explores a scope: whole states as integers, or fingerprints of rows.

The integer engine is exact and decides every kind of statement; it is the reference, and up to some 10^5 states also
the faster one. Beyond that the vectorised engine takes over where it can decide what is asked: it starts anew, which
costs less than a second.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum

from rayproof.model.kernel.judging.verdicts import INTERRUPTED_NOTE, Result, StatementResult, Verdict, combine
from rayproof.model.kernel.language.scenario import Scenario
from rayproof.model.kernel.language.statements import Statement
from rayproof.model.kernel.search.explore import Explorer, Limits, Report
from rayproof.model.kernel.search.vector.search import VECTORISED, VectorExplorer

HANDOVER_STATES = 50_000
"""States after which the integer engine hands over."""


class Engine(StrEnum):
    """How states are kept."""

    AUTO = "auto"
    INTEGERS = "integers"
    """Whole states; exact."""
    VECTOR = "vector"
    """Fingerprints of 64 bits."""
    EXACT = "exact"
    """Fingerprints, and each row compared when its fingerprint is met again."""


def explore(
    scenario: Scenario,
    statements: Iterable[Statement] | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    on_progress: Report | None = None,
    engine: Engine = Engine.AUTO,
) -> Result:
    """Exhaust a scenario, or find a shortest way to break one of its statements, with the engine that fits.

    When a vectorised engine is asked for, the statements that need the other are answered *undetermined*.
    """
    wanted = tuple(scenario.statements if statements is None else statements)
    if engine in (Engine.VECTOR, Engine.EXACT):
        fit = [s for s in wanted if s.kind in VECTORISED]
        found = VectorExplorer(scenario, fit, limits, on_progress, exact=engine is Engine.EXACT).run()
        return _with_the_rest(found, wanted)
    large = all(s.kind in VECTORISED for s in wanted) and limits.states > HANDOVER_STATES
    if engine is Engine.INTEGERS or not large:
        return Explorer(scenario, wanted, limits, on_progress).run()
    first = Explorer(scenario, wanted, replace(limits, states=HANDOVER_STATES), on_progress)
    found = first.run()
    if found.states < HANDOVER_STATES or not found.note or found.note.startswith(INTERRUPTED_NOTE):
        return found
    second = VectorExplorer(scenario, wanted, replace(limits, spent_s=found.cpu_s), on_progress).run()
    return replace(second, cpu_s=found.cpu_s + second.cpu_s)


def _with_the_rest(found: Result, wanted: tuple[Statement, ...]) -> Result:
    """The result with an answer for the statements that were left out as well."""
    answers = {answer.name: answer for answer in found.statements}
    for s in wanted:
        if s.name not in answers:
            why = f"the {found.engine} engine does not decide statements of kind {s.kind}"
            answers[s.name] = StatementResult(s.name, s.kind, Verdict.UNDETERMINED, why)
    verdicts = [found.verdict, *(answers[s.name].verdict for s in wanted)]
    return replace(found, statements=tuple(answers[s.name] for s in wanted), verdict=combine(verdicts))
