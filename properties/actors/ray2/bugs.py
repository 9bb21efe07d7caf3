"""Planted bugs of calls of an actor."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rayproof.model.actors.ray2.calls import Actor, Caller
from rayproof.model.actors.ray2.paced import PacedCaller
from rayproof.model.actors.ray2.protocol import Push, Result
from rayproof.model.kernel import Context, Name
from rayproof.properties.bug import Bug


@dataclass(slots=True)
class TellsOnlyThePrefix(Caller):
    """Ray #52833: results that came out of order are not told to a new incarnation, which waits for their numbers."""

    def finished_numbers(self) -> tuple[int, ...]:
        finished = Caller.finished_numbers(self)
        return tuple(number for position, number in enumerate(finished) if number == position)


@dataclass(slots=True)
class TellsNothing(PacedCaller):
    """A call that is made after a restart does not tell which numbers have ended before it."""

    def finished_numbers(self) -> tuple[int, ...]:
        return ()


@dataclass(slots=True)
class KeepsItsNumber(Caller):
    """Ray #51904: a retry waits for the turn that its number had."""

    def push(self, ctx: Context, number: int, *, skip: bool) -> None:
        Caller.push(self, ctx, number, skip=False)


@dataclass(slots=True)
class RefusesOldNumbers(Actor):
    """Ray #51904: a number below the next one is stale and not answered."""

    def skip_queue(self, caller: Name, push: Push) -> None:
        if push.skip:
            Actor.skip_queue(self, caller, push)


@dataclass(slots=True)
class RunsBothAttempts(Actor):
    """Ray #47659: a second attempt begins while the first one runs."""

    def may_run(self, push: Push) -> bool:
        return True


@dataclass(slots=True)
class TakesAnyResult(Caller):
    """Ray #8330: a result is taken whichever incarnation it comes from."""

    def result(self, ctx: Context, sender: Name, result: Result) -> None:
        number = self.number(result.call)
        if number in self.in_flight:
            self.accept(ctx, number, sender, result.value)


@dataclass(slots=True)
class DoesNotWaitForArguments(Caller):
    """A call whose arguments are there overtakes those before it."""

    def start(self, ctx: Context) -> None:
        Caller.start(self, ctx)
        self.unsent = tuple(sorted(self.unsent, key=lambda number: (len(self.needs[number]), number)))
        self.send_ready(ctx)


@dataclass(slots=True)
class RunsAsItComes(Actor):
    """The actor starts calls as they come, whatever their numbers."""

    def pushed(self, ctx: Context, caller: Name, push: Push) -> None:
        Actor.pushed(self, ctx, caller, replace(push, skip=True))


@dataclass(slots=True)
class ExecutesTwice(Caller):
    """Every call is sent twice, to be on the safe side."""

    def push(self, ctx: Context, number: int, *, skip: bool) -> None:
        Caller.push(self, ctx, number, skip=skip)
        Caller.push(self, ctx, number, skip=True)


@dataclass(slots=True)
class LosesAnAddition(Actor):
    """Two methods that run one after the other see the same value."""

    def fire(self, ctx: Context, timer: str) -> None:
        before = self.value
        Actor.fire(self, ctx, timer)
        if before == 1:
            self.value = before


ACTOR_BUGS = (
    Bug(
        "tells_only_the_prefix",
        "Results that came out of order leave gaps for which a new incarnation waits (D47).",
        {Caller: TellsOnlyThePrefix},
        "every_call_ends_in_value_or_error",
        "actor-out-of-order",
    ),
    Bug(
        "tells_nothing",
        "A new incarnation waits for calls that ended before it came.",
        {PacedCaller: TellsNothing},
        "every_call_ends_in_value_or_error",
        "actor-called-later",
    ),
    Bug(
        "keeps_its_number",
        "A retry with its old number is refused as stale (D48).",
        {Caller: KeepsItsNumber, Actor: RefusesOldNumbers},
        "every_call_ends_in_value_or_error",
        "actor-lost-reply",
    ),
    Bug(
        "runs_both_attempts",
        "Two attempts of one call run at the same time (D49).",
        {Actor: RunsBothAttempts},
        "attempts_never_overlap",
        "actor-concurrent",
    ),
    Bug(
        "takes_any_result",
        "A late result of the previous incarnation counts for the new one (D52).",
        {Caller: TakesAnyResult},
        "results_match_their_incarnation",
        "actor-retries",
    ),
    Bug(
        "does_not_wait_for_arguments",
        "A call overtakes one that waits for its arguments, and keeps its number.",
        {Caller: DoesNotWaitForArguments, Actor: RunsAsItComes},
        "actor_serial_order",
        "actor-at-most-once",
    ),
    Bug(
        "executes_twice",
        "A call is sent and executed twice.",
        {Caller: ExecutesTwice},
        "no_method_twice_in_one_incarnation",
        "actor-counter",
        also=("the_read_sees_all_additions",),
    ),
    Bug(
        "loses_an_addition",
        "An addition overwrites another one.",
        {Actor: LosesAnAddition},
        "the_read_sees_all_additions",
        "actor-counter",
    ),
)
"""The planted bugs of calls."""
