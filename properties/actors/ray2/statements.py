"""What must hold of calls of an actor."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rayproof.model.actors.ray2.calls import Actor, Caller, incarnation
from rayproof.model.actors.ray2.events import Accepted, Started
from rayproof.model.kernel import Name, StateView, always, audit, first, sometimes


@dataclass(frozen=True, slots=True)
class Order:
    """Monitor: the latest numbers that each caller's methods have reached in the present incarnation."""

    actor: Name = ""
    first: tuple[tuple[Name, int], ...] = ()
    """The latest number of a first attempt, by caller."""
    latest: tuple[tuple[Name, int], ...] = ()
    """The latest number of any attempt, by caller."""
    retried: tuple[tuple[Name, int], ...] = ()
    """Calls of which a retry has begun; when their first attempt does is of no matter any longer."""
    overtaken: str = ""
    """A call that began after a later one of its caller, both without a retry before."""
    retry_overtaken: str = ""
    """A call that began after a later one where either was a retry."""

    def observe(self, event: object) -> Order:
        """Fold one event."""
        if not isinstance(event, Started):
            return self
        made = self if event.actor == self.actor else replace(self, actor=event.actor, first=(), latest=(), retried=())
        first, latest = dict(made.first), dict(made.latest)
        is_first = event.attempt == 1 and (event.caller, event.number) not in made.retried
        if event.attempt > 1:
            made = replace(made, retried=tuple(sorted({*made.retried, (event.caller, event.number)})))
        if is_first and event.number < first.get(event.caller, -1):
            made = replace(made, overtaken=made.overtaken or event.call)
        elif event.number < latest.get(event.caller, -1):
            made = replace(made, retry_overtaken=made.retry_overtaken or event.call)
        for known in (first, latest) if is_first else (latest,):
            known[event.caller] = max(event.number, known.get(event.caller, -1))
        return replace(made, first=tuple(sorted(first.items())), latest=tuple(sorted(latest.items())))


@dataclass(frozen=True, slots=True)
class Executions:
    """Monitor: calls that have begun in the present incarnation, and one that began twice in it."""

    actor: Name = ""
    begun: tuple[str, ...] = ()
    twice: str = ""

    def observe(self, event: object) -> Executions:
        """Fold one event."""
        if not isinstance(event, Started):
            return self
        begun = self.begun if event.actor == self.actor else ()
        twice = self.twice or (event.call if event.call in begun else "")
        return Executions(event.actor, tuple(sorted({*begun, event.call})), twice)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Monitor: a result of one incarnation that was taken for another's."""

    call: str = ""

    def observe(self, event: object) -> Mismatch:
        """Fold one event."""
        if isinstance(event, Accepted) and event.sender != event.sent_to and not self.call:
            return Mismatch(event.call)
        return self


@always(source="Ray documentation, Actors: order per caller; bug benchmark S3", monitors=(Order,))
def actor_serial_order(view: StateView) -> str | None:
    """Within one incarnation, each caller's calls start in the order of submission, except for retried ones."""
    overtaken = view.monitor(Order).overtaken
    return f"{overtaken} starts after a later call" if overtaken else None


@always(
    source="Ray 2.60 actor_task_submitter.cc: skip_queue",
    monitors=(Order,),
    known="by design: retries skip the queue (skip_queue) and may run after later calls, as in 10 of 10 recorded "
    "restarts of Ray 2.60, or before earlier ones; no issue of Ray's is known here that asks for another order",
)
def actor_serial_order_of_retries(view: StateView) -> str | None:
    """Within one incarnation, each caller's calls start in the order of submission, including retries."""
    overtaken = view.monitor(Order).retry_overtaken
    return f"{overtaken} starts after a later call, one of them a retry" if overtaken else None


@always(source="Ray documentation, Actors: at most once by default; bug benchmark S3", monitors=(Executions,))
def no_method_twice_in_one_incarnation(view: StateView) -> str | None:
    """No call is executed twice in one incarnation of the actor."""
    twice = view.monitor(Executions).twice
    return f"{twice} starts twice" if twice else None


@always(source="Ray #8330; bug benchmark S3", monitors=(Mismatch,))
def results_match_their_incarnation(view: StateView) -> str | None:
    """A result is accepted only from the incarnation to which the call was last sent."""
    call = view.monitor(Mismatch).call
    return f"the result of {call} is of another incarnation" if call else None


@always(Actor, each=True, source="Ray #47659; bug benchmark S3")
def attempts_never_overlap(actor: Actor) -> str | None:
    """An actor runs no more methods at a time than it may, and never two attempts of one call."""
    names = [push.call for _, push in actor.running]
    if len(names) == len(set(names)) and len(names) <= actor.concurrency:
        return None
    return f"{', '.join(names)} run at once, at most {actor.concurrency} may"


@audit(Caller, source="Ray #52833, #51904; bug benchmark L2")
def every_call_ends_in_value_or_error(view: StateView) -> str | None:
    """Every call of a live caller has a value or one of Ray's errors."""
    return first(
        f"{call.name} of {name} has no end"
        for name, caller in view.of(Caller).items()
        for call in caller.calls
        if call.name not in caller.outcomes
    )


@audit(Caller, Actor, source="seed notes: cnt++ from two nodes, then a read gives 2")
def the_read_sees_all_additions(view: StateView) -> str | None:
    """The read that waits for all additions gives their number."""
    callers = view.of(Caller)
    added = sum(not call.name.startswith("read") for caller in callers.values() for call in caller.calls)
    return first(
        f"{call} of {name} gives {value}, {added} were added"
        for name, caller in callers.items()
        for call, value in caller.outcomes.items()
        if call.startswith("read") and value != str(added)
    )


@sometimes(Caller, source="Ray 2.60 actor_task_submitter.cc")
def a_call_is_retried(view: StateView) -> str | None:
    """Some call has a second attempt."""
    return first(
        f"call {number} of {name} has {count} attempts"
        for name, caller in view.of(Caller).items()
        for number, count in caller.attempts.items()
        if count > 1
    )


@sometimes(Caller, Actor, source="Ray 2.60 actor_task_submitter.cc")
def a_later_incarnation_answers(view: StateView) -> str | None:
    """The second incarnation of the actor has taken a call."""
    return first(f"{name} has taken a call" for name, a in view.of(Actor).items() if incarnation(name) and a.expected)


CALLS = (
    actor_serial_order,
    results_match_their_incarnation,
    attempts_never_overlap,
    every_call_ends_in_value_or_error,
    a_call_is_retried,
)
"""What is checked of all calls."""
