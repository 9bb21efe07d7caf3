"""A caller that makes its calls one after the other, each at a time of its own (edition `ray2`).

Source: Ray 2.60 `core_worker/task_submission/actor_task_submitter.cc`: a call that is made while the actor is restarted
is queued or fails, one made later reaches the new incarnation, whose queue begins with that call's number.

Left out: the same as in `actors.calls`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.actors.ray2.calls import Caller
from rayproof.model.actors.ray2.events import CallSubmitted
from rayproof.model.kernel import Context, TimerKind

SUBMIT = "submit"
"""Timer of the next call."""


@dataclass(slots=True)
class PacedCaller(Caller):
    """`submitted`: how many calls were made; `there`: others' results that came, perhaps before the call needs them."""

    submitted: int = 0
    there: set[str] = field(default_factory=set)

    def start(self, ctx: Context) -> None:
        """The first call comes when it comes."""
        if self.calls:
            ctx.set_timer(SUBMIT, kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        """The next call."""
        if timer != SUBMIT:
            Caller.fire(self, ctx, timer)
            return
        number = self.submitted
        self.submitted += 1
        ctx.observe(CallSubmitted(self.calls[number].name))
        self.submit(ctx, number)
        if self.submitted < len(self.calls):
            ctx.set_timer(SUBMIT, kind=TimerKind.PROGRAM)
        self.send_ready(ctx)

    def submit(self, ctx: Context, number: int) -> None:
        """What is there already is not waited for."""
        Caller.submit(self, ctx, number)
        self.needs[number] -= self.there

    def argument(self, ctx: Context, call: str) -> None:
        """Somebody else's result is there."""
        self.there.add(call)
        Caller.argument(self, ctx, call)
