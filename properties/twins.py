"""Twins of the audits: what holds at rest must come true on every fair run, also on one that never rests.

An audit judges runs that have stopped. A system that goes round for ever passes all its audits, and a part of it may
wait for ever while another is busy: whenever the claim of an audit fails, its twin demands, it holds again some day.
Beside it `comes_to_rest` demands that a finite program leaves nothing that goes on for ever.
"""

from __future__ import annotations

from dataclasses import replace

from rayproof.model.kernel import Statement, StatementKind, Step, progress

SUFFIX = "_some_day"


def some_day(audit: Statement) -> Statement:
    """The twin of an audit of whole views: whoever it names waits no longer, then or later."""
    if audit.kind is not StatementKind.AUDIT or audit.each or audit.monitors or audit.known:
        raise ValueError(f"{audit.name} has no twin: it must be an audit of whole views, without monitors, and hold")

    return replace(
        audit,
        name=audit.name + SUFFIX,
        kind=StatementKind.LEADS_TO,
        sentence=f"Some day: {audit.sentence}",
        then=audit.check,
    )


@progress(source="bug benchmark L4: no livelock")
def comes_to_rest(step: Step) -> str | None:
    """The system of a finite program comes to rest."""
    return str(step)
