"""Who still refers to an object: counts at the owner, borrowers, references inside objects.

Source: Ray 2.60 `core_worker/reference_counter.cc`; the protocol is described in the paper on ownership (Wang et al.,
NSDI 2021, section 4.2). The process that made a reference owns the object. A process that was passed one borrows it;
with the reply of a task the caller learns who still borrows, and the owner asks each borrower to say when it no longer
does. A reference inside a returned object makes the receiver a borrower as long as it keeps that object.

Left out: where the values are (`objects.store`) and references that only lineage holds (`lineage.ownership`); actors
appear as functions that keep their arguments; a returned object contains only references that the callee owns.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.graph import ObjectId
from rayproof.model.kernel import Context, Down, Message, Name, Process, TimerKind, Unhandled, Unreachable, constant
from rayproof.model.objects.ray2.programs import (
    FREED,
    OWNER_DIED,
    VALUE,
    WORKER_CRASHED,
    Action,
    Call,
    Drop,
    Function,
    GetValue,
    GotValue,
    Invoke,
    Put,
    Read,
    ReferenceGone,
    Reply,
    WatchReference,
)

GO_ON = "go on"
"""Timer of the program: the next action of a body."""


@dataclass(frozen=True, slots=True)
class Running:
    """The body that runs."""

    caller: Name
    arguments: tuple[ObjectId, ...]
    result: ObjectId
    function: str
    at: int = 0


@dataclass(slots=True)
class CoreWorker(Process):
    """A driver or worker as the keeper of references."""

    functions: tuple[tuple[str, Function], ...] = constant()
    owners: tuple[tuple[ObjectId, Name], ...] = constant()
    """Part of each reference: the owner's address."""
    running: Running | None = None
    local: set[ObjectId] = field(default_factory=set)
    """References in this process's variables."""
    in_calls: dict[ObjectId, int] = field(default_factory=dict)
    """Arguments of calls that have not replied."""
    contains: dict[ObjectId, tuple[ObjectId, ...]] = field(default_factory=dict)
    """References inside objects that this process keeps."""
    owned: set[ObjectId] = field(default_factory=set)
    """Objects of this owner that have a value."""
    freed: set[ObjectId] = field(default_factory=set)
    """Objects of this owner whose value is gone for good."""
    borrowers: dict[ObjectId, set[Name]] = field(default_factory=dict)
    """At the owner: who will say when it no longer refers. At a borrower: who has it from here, to be passed on."""
    watched: set[ObjectId] = field(default_factory=set)
    """Borrowed references whose owner waits for word."""
    calls: dict[ObjectId, Call] = field(default_factory=dict)
    """Calls without a reply, by result."""
    reading: ObjectId = ""
    """What the body waits for."""
    outcomes: dict[ObjectId, str] = field(default_factory=dict)
    """What reads gave."""

    def start(self, ctx: Context) -> None:
        """The driver runs its body by itself."""
        if any(name == ctx.me for name, _ in self.functions):
            self.running = Running("", (), "", ctx.me)
            ctx.set_timer(GO_ON, kind=TimerKind.PROGRAM)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Calls and replies, the owner's and borrowers' words, values."""
        match message:
            case Invoke(function, arguments, result):
                self.local |= set(arguments)
                self.running = Running(sender, arguments, result, function)
                ctx.set_timer(GO_ON, kind=TimerKind.PROGRAM)
            case Reply():
                self.replied(ctx, sender, message)
            case WatchReference(there, inside):
                self.watch(ctx, there, inside)
            case ReferenceGone(there, borrowers):
                self.borrowers.get(there, set()).discard(sender)
                self.add_borrowers(ctx, there, borrowers)
            case GetValue(there):
                self.answer(ctx, there, sender)
            case GotValue(there, outcome):
                self.got(ctx, there, outcome)
            case Down(name):
                self.died(ctx, name)
            case Unreachable(_, GetValue(there)):
                self.got(ctx, there, OWNER_DIED)
            case Unreachable(to, _):
                self.died(ctx, to)
            case _:
                raise Unhandled(message)
        self.settle(ctx)

    # ---- the body ---------------------------------------------------------------------------------------------------

    def fire(self, ctx: Context, timer: str) -> None:
        """The next action of the body, or its end."""
        running = self.running
        assert running is not None
        body = dict(self.functions)[running.function].body
        if running.at == len(body):
            self.end(ctx, running)
        else:
            self.running = Running(running.caller, running.arguments, running.result, running.function, running.at + 1)
            self.act(ctx, body[running.at])
        self.settle(ctx)

    def act(self, ctx: Context, action: Action) -> None:
        """Carry out one action; after a read the body goes on when the value is here."""
        match action:
            case Put(there):
                self.owned.add(there)
                self.local.add(there)
            case Call(to, function, arguments, result):
                self.calls[result] = action
                self.local.add(result)
                for there in arguments:
                    self.pass_on(there)
                ctx.send(to, Invoke(function, arguments, result))
            case Drop(there):
                self.local.discard(there)
            case Read(there):
                self.read(ctx, there)
                return
        ctx.set_timer(GO_ON, kind=TimerKind.PROGRAM)

    def pass_on(self, there: ObjectId) -> None:
        """An argument stays alive until the call has replied. `UpdateSubmittedTaskReferences`."""
        self.in_calls[there] = self.in_calls.get(there, 0) + 1

    def read(self, ctx: Context, there: ObjectId) -> None:
        """A value of one's own is here or comes with the reply; others' are asked for."""
        owner = dict(self.owners)[there]
        self.reading = there
        if owner != ctx.me:
            ctx.send(owner, GetValue(there))
        elif there not in self.calls:
            self.got(ctx, there, VALUE if there in self.owned else FREED)

    def got(self, ctx: Context, there: ObjectId, outcome: str) -> None:
        """A value brings the references inside with it."""
        if self.reading == there:
            self.reading = ""
            self.outcomes[there] = outcome
            self.local |= set(self.contains.get(there, ()))
            ctx.set_timer(GO_ON, kind=TimerKind.PROGRAM)

    def end(self, ctx: Context, running: Running) -> None:
        """Reply, and say who still borrows. `PopAndClearLocalBorrowers`."""
        self.running = None
        if not running.caller:
            return
        inside = dict(self.functions)[running.function].returns
        still = []
        for there in running.arguments:
            if dict(self.owners)[there] != ctx.me:
                still += [(there, ctx.me)] if self.refers(there) else []
                still += [(there, name) for name in sorted(self.borrowers.pop(there, set()))]
        for there in inside:
            self.borrowers.setdefault(there, set()).add(running.caller)
            ctx.send(running.caller, WatchReference(there, running.result), "watch")
            self.local.discard(there)
        ctx.send(running.caller, Reply(running.result, running.arguments, inside, tuple(still)))

    def replied(self, ctx: Context, callee: Name, reply: Reply) -> None:
        """The result is here; arguments are released, and their borrowers known. `MergeRemoteBorrowers`."""
        if self.calls.pop(reply.result, None) is None:
            return
        self.owned.add(reply.result)
        if reply.inside:
            self.contains[reply.result] = reply.inside
        for there, name in reply.borrowers:
            self.add_borrowers(ctx, there, (name,))
        self.release_arguments(reply.arguments)
        self.got(ctx, reply.result, VALUE)

    def release_arguments(self, arguments: tuple[ObjectId, ...]) -> None:
        """The call no longer needs them."""
        for there in arguments:
            self.in_calls[there] -= 1
            if not self.in_calls[there]:
                del self.in_calls[there]

    # ---- counting ---------------------------------------------------------------------------------------------------

    def refers(self, there: ObjectId) -> bool:
        """Whether this process refers to an object: in a variable, in a call, or inside an object it keeps."""
        return (
            there in self.local or there in self.in_calls or any(there in inside for inside in self.contains.values())
        )

    def add_borrowers(self, ctx: Context, there: ObjectId, names: tuple[Name, ...]) -> None:
        """The owner asks each to say when it is over; a borrower remembers them for its own owner."""
        known = self.borrowers.setdefault(there, set())
        for name in names:
            if name != ctx.me and name not in known:
                known.add(name)
                if dict(self.owners)[there] == ctx.me:
                    ctx.send(name, WatchReference(there), "watch")

    def watch(self, ctx: Context, there: ObjectId, inside: ObjectId) -> None:
        """The owner wants word. It may come before the reply that brings the reference. `SetRefRemovedCallback`."""
        self.watched.add(there)
        if inside and (inside in self.calls or inside in self.owned) and there not in self.contains.get(inside, ()):
            self.contains[inside] = (*self.contains.get(inside, ()), there)

    def settle(self, ctx: Context) -> None:
        """Free what nobody refers to, and give word of what this process no longer does."""
        for there in sorted(self.owned):
            if not self.refers(there) and not self.borrowers.get(there):
                self.owned.discard(there)
                self.freed.add(there)
                self.borrowers.pop(there, None)
                if self.contains.pop(there, None) is not None:
                    return self.settle(ctx)
        for there in sorted(self.watched):
            if not self.refers(there):
                self.watched.discard(there)
                kept_by = tuple(sorted(self.borrowers.pop(there, set())))
                ctx.send(dict(self.owners)[there], ReferenceGone(there, kept_by))
        return None

    def answer(self, ctx: Context, there: ObjectId, borrower: Name) -> None:
        """A value, or the error of an object that is gone. `HandleGetObjectStatus`."""
        ctx.send(borrower, GotValue(there, VALUE if there in self.owned else FREED))

    def died(self, ctx: Context, name: Name) -> None:
        """Calls of the dead fail; it borrows nothing any longer; what it owned has no value."""
        for result, call in sorted(self.calls.items()):
            if call.to == name:
                del self.calls[result]
                self.contains.pop(result, None)
                self.release_arguments(call.arguments)
                self.got(ctx, result, WORKER_CRASHED)
        for known in self.borrowers.values():
            known.discard(name)
        if self.reading and dict(self.owners)[self.reading] == name:
            self.got(ctx, self.reading, OWNER_DIED)
