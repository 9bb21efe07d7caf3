"""Which engine explores a scope: whole states as integers, or fingerprints of rows.

The integer engine is exact and decides every kind of statement; it is the reference, and up to some 10^5 states also
the faster one. Beyond that the vectorised engine takes over where it can decide what is asked: it starts anew, which
costs less than a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from enum import StrEnum

from model.kernel.explore import Explorer, Limits, Progress
from model.kernel.scenario import Scenario
from model.kernel.statements import Statement
from model.kernel.vector.search import VECTORISED, VectorExplorer
from model.kernel.verdicts import Result

HANDOVER_STATES = 50_000
"""States after which the integer engine hands over."""


class Engine(StrEnum):
    """How states are kept."""

    AUTO = "auto"
    INTEGER = "integer"
    """Whole states; exact."""
    VECTOR = "vector"
    """Fingerprints of 64 bits."""
    EXACT = "exact"
    """Fingerprints, and each row compared when its fingerprint is met again."""


def explore(
    scenario: Scenario,
    statements: Iterable[Statement] | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    on_progress: Callable[[Progress], None] | None = None,
    engine: Engine = Engine.AUTO,
) -> Result:
    """Exhaust a scenario, or find a shortest way to break one of its statements, with the engine that fits.

    Raises `ValueError` when a vectorised engine is asked for and some statement needs the other.
    """
    wanted = tuple(scenario.statements if statements is None else statements)
    if engine in (Engine.VECTOR, Engine.EXACT):
        return VectorExplorer(scenario, wanted, limits, on_progress, exact=engine is Engine.EXACT).run()
    large = all(s.kind in VECTORISED for s in wanted) and limits.states > HANDOVER_STATES
    if engine is Engine.INTEGER or not large:
        return Explorer(scenario, wanted, limits, on_progress).run()
    first = Explorer(scenario, wanted, replace(limits, states=HANDOVER_STATES), on_progress)
    found = first.run()
    if found.states < HANDOVER_STATES or not found.note or found.note.startswith("interrupted"):
        return found
    if limits.cpu_s is not None:
        limits = replace(limits, cpu_s=limits.cpu_s - found.cpu_s)
    second = VectorExplorer(scenario, wanted, limits, on_progress).run()
    return replace(second, cpu_s=found.cpu_s + second.cpu_s)
