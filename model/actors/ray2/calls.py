"""Calls of one actor: order per caller, crash and restart, retries (edition `ray2`).

Source: Ray 2.60 `core_worker/task_submission/actor_task_submitter.cc`, `sequential_actor_submit_queue.cc` and
`task_execution/ordered_actor_task_execution_queue.cc`; `gcs/gcs_actor_manager.cc` for the states that callers are told.
A caller numbers its calls and sends them in that order, the head waiting for its arguments; the actor starts them in
that order. A restarted actor has run its constructor again and nothing else. A retried call skips the queue on both
sides, so order is not promised for it.

Left out: creation and placement (`actors.lifecycle`), concurrency groups, the 30 s after which an actor gives up
waiting for a number, and the second a caller waits for the cause of a death (it is told by the registry or asks it).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.actors.ray2.events import Accepted, CallEnded, Returned, Started
from rayproof.model.actors.ray2.protocol import (
    OWN_ARGUMENT,
    ActorStarted,
    ActorState,
    CallFinished,
    CallSpec,
    Outcome,
    Push,
    Result,
)
from rayproof.model.kernel import Context, Down, Message, Name, Process, TimerKind, Unhandled, Unreachable, constant

METHOD = "method "
"""Prefix of the timers of running methods."""

ARGUMENT = "argument "
"""Prefix of the timers after which a call's own argument is there."""

RETRY = "retry "
"""Prefix of the timers of delayed retries."""

CONTACT = "contact"
"""Timer of a caller that may take a silent connection for a broken one."""


@dataclass(slots=True)
class Caller(Process):
    """A process that calls methods, all of them at once."""

    calls: tuple[CallSpec, ...] = constant()
    max_task_retries: int = constant(0)
    loses_contact: bool = constant(False)
    """Whether a silent connection may be taken for a broken one while methods run."""
    actor: Name = "actor"
    """The incarnation that it is connected to; empty while there is none."""
    dead: bool = False
    unsent: tuple[int, ...] = ()
    """Numbers that wait for their turn or for their arguments."""
    needs: dict[int, set[str]] = field(default_factory=dict)
    """Arguments that are not there."""
    in_flight: dict[int, Name] = field(default_factory=dict)
    """Numbers without a result, with the incarnation they were last sent to."""
    retrying: set[int] = field(default_factory=set)
    """Numbers that are to be sent again."""
    attempts: dict[int, int] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)

    def start(self, ctx: Context) -> None:
        """Submit all calls."""
        for number in range(len(self.calls)):
            self.submit(ctx, number)
        self.send_ready(ctx)

    def submit(self, ctx: Context, number: int) -> None:
        """One call takes its place in the queue."""
        call = self.calls[number]
        self.unsent += (number,)
        self.needs[number] = set(call.needs)
        if OWN_ARGUMENT in call.needs:
            ctx.set_timer(ARGUMENT + call.name, kind=TimerKind.PROGRAM)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Results, the registry's word, arguments, broken connections."""
        match message:
            case Result():
                self.result(ctx, sender, message)
            case ActorState(actor, dead):
                self.actor_state(ctx, actor, dead)
            case CallFinished(call):
                self.argument(ctx, call)
            case Unreachable(to, Push(_, number, attempt)):
                self.send_failed(ctx, to, number, attempt)
            case Unreachable(to, Result(call, attempt)):
                self.send_failed(ctx, to, self.number(call), attempt)
            case _:
                raise Unhandled(message)

    def number(self, call: str) -> int:
        """The number of a call."""
        return next(number for number, spec in enumerate(self.calls) if spec.name == call)

    def fire(self, ctx: Context, timer: str) -> None:
        """An argument is there, a retry is due, or the connection is taken for broken."""
        if timer.startswith(ARGUMENT):
            self.needs[self.number(timer.removeprefix(ARGUMENT))].discard(OWN_ARGUMENT)
            self.send_ready(ctx)
        elif timer.startswith(RETRY):
            self.resend(ctx, int(timer.removeprefix(RETRY)))
        else:
            for number in sorted(self.in_flight):
                self.failed(ctx, number)

    def argument(self, ctx: Context, call: str) -> None:
        """Somebody else's result is there."""
        for needed in self.needs.values():
            needed.discard(call)
        self.send_ready(ctx)

    def send_ready(self, ctx: Context) -> None:
        """Send in the order of the numbers; the head waits for its arguments, and everybody behind it with it."""
        while self.unsent and self.may_send(self.unsent[0]) and (self.actor or self.dead or not self.max_task_retries):
            number, self.unsent = self.unsent[0], self.unsent[1:]
            self.attempts[number] = 1
            if self.actor:
                self.push(ctx, number, skip=False)
            else:
                self.finish(ctx, number, Outcome.DIED if self.dead else Outcome.UNAVAILABLE)

    def may_send(self, number: int) -> bool:
        """Whether a call's arguments are there."""
        return not self.needs[number]

    def push(self, ctx: Context, number: int, *, skip: bool) -> None:
        """Send one attempt."""
        self.in_flight[number] = self.actor
        call = self.calls[number].name
        ctx.send(self.actor, Push(call, number, self.attempts[number], self.finished_numbers(), skip))
        if self.loses_contact:
            ctx.set_timer(CONTACT, kind=TimerKind.EAGER)

    def finished_numbers(self) -> tuple[int, ...]:
        """All numbers with a result, in whatever order the results came."""
        return tuple(number for number, call in enumerate(self.calls) if call.name in self.outcomes)

    def result(self, ctx: Context, sender: Name, result: Result) -> None:
        """The value of the attempt that is in flight; a late one of an earlier attempt or incarnation is dropped."""
        number = self.number(result.call)
        if self.in_flight.get(number) == sender and self.attempts[number] == result.attempt:
            self.accept(ctx, number, sender, result.value)

    def accept(self, ctx: Context, number: int, sender: Name, value: int) -> None:
        """The call has its value."""
        ctx.observe(Accepted(self.calls[number].name, sender, self.in_flight.get(number, "")))
        self.finish(ctx, number, str(value))

    def finish(self, ctx: Context, number: int, outcome: str) -> None:
        """The call has ended; whoever needs it is told."""
        self.in_flight.pop(number, None)
        self.retrying.discard(number)
        self.outcomes[self.calls[number].name] = outcome
        ctx.observe(CallEnded(self.calls[number].name, outcome))
        for name in self.calls[number].tells:
            ctx.send(name, CallFinished(self.calls[number].name))
        if not self.in_flight:
            ctx.cancel_timer(CONTACT)

    # ---- failures ---------------------------------------------------------------------------------------------------

    def actor_state(self, ctx: Context, actor: Name, dead: bool) -> None:
        """The actor is gone, or is there again. `DisconnectActor`, `ConnectActor`."""
        self.actor, self.dead = actor, dead
        for number in sorted(self.in_flight):
            if self.in_flight[number] != actor:
                self.failed(ctx, number)
        if actor or dead:
            for number in sorted(self.retrying):
                ctx.set_timer(f"{RETRY}{number}", kind=TimerKind.PROGRAM)
        self.send_ready(ctx)

    def send_failed(self, ctx: Context, to: Name, number: int, attempt: int) -> None:
        """The connection broke under a call; whether it was executed is unknown."""
        if self.in_flight.get(number) == to and self.attempts[number] == attempt:
            self.failed(ctx, number)

    def failed(self, ctx: Context, number: int) -> None:
        """Retry within the budget, or end the call with the error. `FailOrRetryPendingTask`."""
        if self.attempts[number] <= self.max_task_retries and not self.dead:
            self.in_flight.pop(number)
            self.retrying.add(number)
            if self.actor:
                ctx.set_timer(f"{RETRY}{number}", kind=TimerKind.PROGRAM)
        else:
            self.finish(ctx, number, Outcome.DIED if self.dead else Outcome.UNAVAILABLE)

    def resend(self, ctx: Context, number: int) -> None:
        """Send a retry, past the queue; while the actor is away it waits."""
        if self.dead:
            self.finish(ctx, number, Outcome.DIED)
        elif self.actor:
            self.retrying.discard(number)
            self.attempts[number] += 1
            self.push(ctx, number, skip=True)


@dataclass(slots=True)
class Actor(Process):
    """One incarnation: a counter."""

    registry: Name = constant("registry")
    concurrency: int = constant(1)
    expected: dict[Name, int] = field(default_factory=dict)
    """Next number of each caller."""
    waiting: dict[Name, dict[int, Push]] = field(default_factory=dict)
    """Calls that came before their turn."""
    passed: dict[Name, set[int]] = field(default_factory=dict)
    """Later numbers that will not come in their turn: finished before, or retried past the queue."""
    ready: tuple[tuple[Name, Push], ...] = ()
    """Calls whose turn it is, in order."""
    running: tuple[tuple[Name, Push], ...] = ()
    value: int = 0

    def start(self, ctx: Context) -> None:
        """The constructor has run; the registry tells the callers."""
        ctx.send(self.registry, ActorStarted())

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Calls only."""
        match message:
            case Push():
                self.pushed(ctx, sender, message)
            case Unreachable():
                pass
            case _:
                raise Unhandled(message)

    def pushed(self, ctx: Context, caller: Name, push: Push) -> None:
        """Take a call's turn, or at once if it is a retry. `OrderedActorTaskExecutionQueue::EnqueueTask`."""
        if push.skip or push.number < self.expected.get(caller, 0):
            self.skip_queue(caller, push)
            self.passed.setdefault(caller, set()).add(push.number)
        else:
            self.waiting.setdefault(caller, {})[push.number] = push
        self.passed.setdefault(caller, set()).update(push.finished)
        self.advance(caller)
        self.run_next(ctx)

    def skip_queue(self, caller: Name, push: Push) -> None:
        """A retry does not wait for its turn."""
        self.ready += ((caller, push),)

    def advance(self, caller: Name) -> None:
        """Everything whose turn it is becomes ready; numbers that will not come are passed over."""
        waiting, passed = self.waiting.setdefault(caller, {}), self.passed[caller]
        number = self.expected.get(caller, 0)
        while number in waiting or number in passed:
            if number in waiting:
                self.ready += ((caller, waiting.pop(number)),)
            number += 1
        self.expected[caller] = number
        self.passed[caller] = {later for later in passed if later >= number}

    def run_next(self, ctx: Context) -> None:
        """Start what may run; two attempts of one call never run together."""
        for item in self.ready:
            caller, push = item
            if len(self.running) < self.concurrency and self.may_run(push):
                self.ready = tuple(other for other in self.ready if other != item)
                self.running += (item,)
                ctx.observe(Started(ctx.me, caller, push.call, push.number, push.attempt))
                ctx.set_timer(f"{METHOD}{push.call} {push.attempt}", kind=TimerKind.PROGRAM)

    def may_run(self, push: Push) -> bool:
        """Whether no other attempt of the same call runs."""
        return all(other.call != push.call for _, other in self.running)

    def fire(self, ctx: Context, timer: str) -> None:
        """A method has ended: cnt++, and the caller is told the new value."""
        call, attempt = timer.removeprefix(METHOD).split(" ")
        caller, push = next(item for item in self.running if (item[1].call, str(item[1].attempt)) == (call, attempt))
        self.running = tuple(item for item in self.running if item != (caller, push))
        if not call.startswith("read"):
            self.value += 1
        ctx.observe(Returned(ctx.me, push.call, push.attempt, self.value))
        ctx.send(caller, Result(push.call, push.attempt, self.value))
        self.run_next(ctx)


def incarnation(name: Name) -> int:
    """Which holder of its slot a process is, the first being 0."""
    return int(name.partition("#")[2] or 0)


@dataclass(slots=True)
class Registry(Process):
    """The part of the GCS that knows the actor and tells its callers."""

    callers: tuple[Name, ...] = constant()
    max_restarts: int = constant(0)
    died: int = -1
    """The latest incarnation that is known to have died."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """The actor's beginnings and ends. `GcsActorManager::RestartActor`."""
        match message:
            case ActorStarted():
                number = incarnation(sender)
                if number > max(0, self.died):
                    # It is the registry that restarts an actor, so it knows of the end of the one before.
                    self.died = number - 1
                    self.tell(ctx, ActorState(sender))
            case Down(name):
                if incarnation(name) > self.died:
                    self.died = incarnation(name)
                    self.tell(ctx, ActorState("", dead=self.died >= self.max_restarts))
            case _:
                raise Unhandled(message)

    def tell(self, ctx: Context, state: ActorState) -> None:
        """Publish the actor's state."""
        for caller in self.callers:
            ctx.send(caller, state)
