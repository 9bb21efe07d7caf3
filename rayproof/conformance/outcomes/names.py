"""Names of outcomes: which a model knows, and which are the application's own."""

from __future__ import annotations

from rayproof.model.actors.ray2.protocol import Outcome
from rayproof.model.lineage.ray2.attempts import Ending
from rayproof.model.lineage.ray2.programs import Failure

VALUE = "value"

APPLICATION = "an error of the application"

CANCELLED = str(Failure.CANCELLED)

CRASHED = str(Ending.CRASHED)

NO_END = 1_000
"""Stands for a budget without end."""

SYSTEM_ERRORS = frozenset(map(str, (*Failure, *Outcome, *Ending))) - {VALUE}
"""What Ray raises of itself, as far as the models know."""

INTERRUPTED = f"RayTaskError({CANCELLED})"
"""What a read raises when a cancellation has interrupted the body."""


def outcome_of(error: str | None) -> str:
    """What a read ended in, by the name of what it raised; None for nothing."""
    if error is None:
        return VALUE
    if error == INTERRUPTED:
        return CANCELLED
    return error if error in SYSTEM_ERRORS else APPLICATION
