"""Names of outcomes: which a model knows, which are another model's, and which are the application's own."""

from __future__ import annotations

from collections.abc import Iterable

from rayproof.conformance.outcomes.history import Read
from rayproof.conformance.outcomes.script import Uncovered
from rayproof.conformance.outcomes.search import Answer, Decided
from rayproof.model.actors.ray2.protocol import Outcome
from rayproof.model.lineage.ray2.attempts import Ending
from rayproof.model.lineage.ray2.programs import Failure

VALUE = "value"

NO_END = 1_000
"""Stands for a budget without end."""

SYSTEM_ERRORS = frozenset(map(str, (*Failure, *Outcome, *Ending))) - {VALUE}
"""What Ray raises of itself, as far as the models know."""


def foreign(about: str, reads: Iterable[Read], possible: Iterable[str]) -> Uncovered | Decided | None:
    """What to say of reads that ended in something else than a value and the `possible` errors; None if none did."""
    known = {VALUE, *map(str, possible)}
    for read in reads:
        if read.outcome is None or read.outcome in known:
            continue
        if read.outcome in SYSTEM_ERRORS:
            why = f"recorded: {read.outcome}, in which no such read ends"
            return Decided(about, Answer.REFUSED, line=read.line, why=why)
        return Uncovered(about, "an error of the application")
    return None
