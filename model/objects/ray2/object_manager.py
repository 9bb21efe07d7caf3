"""A node's object store and object manager: what is here, and what is on its way.

Source: Ray 2.60, `object_manager/pull_manager.cc`, `push_manager.cc`, `ownership_object_directory.cc`. A pull asks one
of the nodes that the owner knows, drawn at random, and asks the owner again when that one is gone. Whoever needs an
object shares the pull. A proposal with the hook `transfer` orders what waits: there are two connections to each other
node, an ordinary and an urgent one, one object at a time is on each, and the hook is asked which; without a proposal,
objects leave as they are asked for. Both connections share the bandwidth between two nodes, chunk by chunk.

Left out: the bound of the store (eviction, spilling, admission of pulls), and pulls that are given up.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from rayproof.model.graph import ObjectId, Program
from rayproof.model.kernel import Context, Down, Message, Name, Process, TimerKind, Unhandled, constant
from rayproof.model.scheduler.policy.move_hooks import LinkView, WaitingObject, ask_transfer, has_transfer
from rayproof.model.wire.ray2.leases import INSIDE, Located
from rayproof.model.wire.ray2.objects import (
    FetchObject,
    Moved,
    ObjectCopy,
    ObjectLocal,
    PullObject,
    Seal,
    SendBegins,
)
from rayproof.model.wire.ray2.rpc import AGAIN, Client
from rayproof.model.wire.ray2.workers import FAILED, CopyAt, Known, Locate, ObjectAt

ORDINARY, URGENT = "ordinary:", "urgent:"
"""Prefixes of the connections to another node, and of the timers after which a chunk has left over them."""

CHUNK_BYTES = 5 << 20
"""Ray's `object_manager_default_chunk_size`: so much of an object is sent before the bandwidth is shared anew."""

OnItsWay = tuple[ObjectId, int]
"""An object on a connection, and how many bytes of it come after the present chunk."""


@dataclass(slots=True, kw_only=True)
class ObjectManager(Process):
    """One node's objects."""

    program: Program = constant()
    raylet: Name = constant()
    """This node's."""
    stores: Mapping[Name, Name] = constant()
    """Object manager of each raylet's node."""
    policy: object = constant(None)
    """Asked for the order of what is sent when it has a hook for that."""
    client: Client = constant(Client())
    bandwidth_bytes_per_s: int = constant(0)
    """Between two nodes, for how long a chunk keeps a connection busy; 0: no time, and no chunks."""
    here: dict[ObjectId, int] = field(default_factory=dict)
    pulls: dict[ObjectId, tuple[Name, Name]] = field(default_factory=dict)
    """On their way -> (owner, raylet of the node asked; empty while the owner is asked)."""
    told: dict[ObjectId, tuple[Name, ...]] = field(default_factory=dict)
    """Core workers that wait for an object."""
    dead: set[Name] = field(default_factory=set)
    waiting: dict[Name, tuple[ObjectId, ...]] = field(default_factory=dict)
    """Objects that are to leave, oldest request first, by the object manager that asked."""
    sending: dict[str, OnItsWay] = field(default_factory=dict)
    """What is on each connection that is not free."""
    transfer_memory: Hashable = ()

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Objects, wishes for them, and what owners know."""
        match message:
            case Seal(made, value):
                self.arrived(ctx, made, value)
            case PullObject(what, tell):
                self.pull(ctx, what, sender if tell else "")
            case FetchObject(wanted):
                if wanted in self.here:
                    self.asked(ctx, sender, wanted)
            case ObjectCopy(made, value, size):
                if made in self.pulls and self.client.misses(ctx):
                    ctx.send(sender, FetchObject(made), AGAIN)
                elif made in self.pulls and made not in self.here:
                    ctx.observe(Moved(made, self.raylet, size))
                    owner = self.pulls[made][0]
                    self.arrived(ctx, made, value)
                    ctx.send(owner, CopyAt(made, self.raylet))
            case ObjectAt(wanted, known):
                if wanted in self.pulls and self.client.misses(ctx):
                    ctx.send(sender, Locate(wanted, tuple(sorted(self.dead))), AGAIN)
                else:
                    self.located(ctx, wanted, known)
            case Down(node):
                self.node_died(ctx, node)
            case _:
                raise Unhandled(message)

    def fire(self, ctx: Context, timer: str) -> None:
        """A chunk has left: the rest goes on, or all of the object is there and its connection free."""
        sent, left = self.sending[timer]
        if left:
            self.next_chunk(ctx, timer, sent, left)
            return
        del self.sending[timer]
        to = timer.partition(":")[2]
        ctx.send(to, ObjectCopy(sent, self.here[sent], self.program.objects[sent].size_bytes, carried=True))
        self.send_next(ctx, to)

    def asked(self, ctx: Context, to: Name, wanted: ObjectId) -> None:
        """Send a copy, in its turn where a proposal decides on turns."""
        if not has_transfer(self.policy):
            ctx.send(to, ObjectCopy(wanted, self.here[wanted], self.program.objects[wanted].size_bytes))
        elif wanted not in (*self.waiting.get(to, ()), *(sent for sent, _ in self.on_their_way(to))):
            self.waiting[to] = (*self.waiting.get(to, ()), wanted)
            self.send_next(ctx, to)

    def on_their_way(self, to: Name) -> list[OnItsWay]:
        """What is on the connections to a node."""
        return [self.sending[kind + to] for kind in (ORDINARY, URGENT) if kind + to in self.sending]

    def send_next(self, ctx: Context, to: Name) -> None:
        """Ask which of the objects that wait leaves next, as long as a connection is free."""
        while (queue := self.waiting.get(to, ())) and len(self.on_their_way(to)) < 2:
            seen = [WaitingObject(each, to, 1, 0, self.priority(each)) for each in queue]
            free = [kind + to not in self.sending for kind in (ORDINARY, URGENT)]
            view = LinkView(list(self.stores).index(self.raylet), *free)
            position, urgent, self.transfer_memory = ask_transfer(self.policy, seen, view, self.transfer_memory, ctx)
            if position is None:
                return
            among = len(queue) + len(self.on_their_way(to))
            ctx.observe(SendBegins(queue[position], to, among, urgent))
            self.begin(ctx, to, queue[position], URGENT if urgent else ORDINARY)

    def begin(self, ctx: Context, to: Name, chosen: ObjectId, kind: str) -> None:
        """An object leaves over a connection."""
        self.waiting[to] = tuple(each for each in self.waiting[to] if each != chosen)
        if not self.waiting[to]:
            del self.waiting[to]
        size = self.program.objects[chosen].size_bytes if self.bandwidth_bytes_per_s else 0
        self.next_chunk(ctx, kind + to, chosen, size)

    def next_chunk(self, ctx: Context, connection: str, chosen: ObjectId, left: int) -> None:
        """So much of an object leaves at once; what is on the other connection takes half of the bandwidth."""
        chunk = min(left, CHUNK_BYTES)
        self.sending[connection] = (chosen, left - chunk)
        sharing = len(self.on_their_way(connection.partition(":")[2]))
        ctx.set_timer(connection, chunk * 1_000_000 * sharing // (self.bandwidth_bytes_per_s or 1), TimerKind.PROGRAM)

    def priority(self, made: ObjectId) -> int:
        """How urgent an object is: as its most urgent reader."""
        return max((self.program.tasks[task].hints.priority for task in self.program.consumers(made)), default=0)

    def pull(self, ctx: Context, what: Located, who: Name) -> None:
        """Bring an object here, for somebody."""
        if what.object in self.here:
            if who:
                ctx.send(who, ObjectLocal(what.object, self.here[what.object]), INSIDE)
            return
        if who:
            waiting = self.told.get(what.object, ())
            self.told[what.object] = waiting if who in waiting else (*waiting, who)
        if what.object not in self.pulls:
            self.ask(ctx, what.object, what.owner, what.nodes)

    def ask(self, ctx: Context, wanted: ObjectId, owner: Name, nodes: tuple[Name, ...]) -> None:
        """Ask a node that has a copy; without one, the owner."""
        able = [node for node in nodes if node != self.raylet and node not in self.dead]
        source = ctx.choose(able, random=True) if able else ""
        self.pulls[wanted] = (owner, source)
        if source:
            fetch = FetchObject(wanted)
            self.client.request(ctx, self.stores[source], fetch, fetch)
        else:
            locate = Locate(wanted, tuple(sorted(self.dead)))
            self.client.request(ctx, owner, locate, locate)

    def located(self, ctx: Context, wanted: ObjectId, known: Known) -> None:
        """The owner's answer; what will never be made is as good as here, so that nobody waits for it."""
        if self.pulls.get(wanted, ("", "-"))[1]:
            return
        if known.value == FAILED or not known.stored:
            self.arrived(ctx, wanted, known.value)
        else:
            self.ask(ctx, wanted, self.pulls[wanted][0], known.nodes)

    def arrived(self, ctx: Context, made: ObjectId, value: int) -> None:
        """An object is here."""
        self.here[made] = value
        self.pulls.pop(made, None)
        for who in self.told.pop(made, ()):
            ctx.send(who, ObjectLocal(made, value), INSIDE)
        ctx.send(self.raylet, ObjectLocal(made, value), INSIDE)

    def node_died(self, ctx: Context, node: Name) -> None:
        """What was to come from there comes from elsewhere."""
        self.dead.add(node)
        to = self.stores.get(node, "")
        self.waiting.pop(to, None)
        for kind in (ORDINARY, URGENT):
            if self.sending.pop(kind + to, None) is not None:
                ctx.cancel_timer(kind + to)
        for wanted, (owner, source) in sorted(self.pulls.items()):
            if source == node:
                self.ask(ctx, wanted, owner, ())
