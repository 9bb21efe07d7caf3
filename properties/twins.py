"""Twins of the audits: what holds at rest must come true on every fair run, also on one that never rests.

An audit judges runs that have stopped. A system that goes round for ever passes all its audits, and a part of it may
wait for ever while another is busy: whenever the claim of an audit fails, its twin demands, it holds again some day.
Beside it `comes_to_rest` demands that a finite program leaves nothing that goes on for ever.
"""

from __future__ import annotations

from dataclasses import replace

from rayproof.model.kernel import Statement, StatementKind, StateView, Step, progress

SUFFIX = "_some_day"


def some_day(audit: Statement) -> Statement:
    """The twin of an audit of whole views: whenever its claim fails, it holds again, then or later."""
    if audit.kind is not StatementKind.AUDIT or audit.each or audit.monitors or audit.known:
        raise ValueError(f"{audit.name} has no twin: it must be an audit of whole views, without monitors, and hold")

    def open_(view: StateView) -> bool:
        return not audit.check(view)

    return replace(
        audit,
        name=audit.name + SUFFIX,
        kind=StatementKind.LEADS_TO,
        sentence=f"Some day: {audit.sentence}",
        check=open_,
        then=audit.check,
    )


@progress(source="bug benchmark L4: no livelock")
def comes_to_rest(step: Step) -> bool:
    """A finite program leaves nothing that goes on for ever."""
    return False
