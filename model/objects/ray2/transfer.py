"""The object manager of one node: what it pulls from others, within the budget of memory, and what it pushes to them.

Source: Ray 2.60 `object_manager/pull_manager.cc`, `push_manager.cc` and `object_manager.cc`. A bundle that is admitted
is pulled object by object: a buffer in the local store, then chunks from one of the nodes that have the object. What is
here stays pinned until the bundle's requester holds it itself.

Left out: the retry after ten seconds and the time-out after ten minutes (the directory's word of every change makes
them unnecessary, and a model that leans on them would hide that word missing); the cap on chunks in flight (one at a
time is sent, in an order of one's choice); several connections, which only change durations. Ray makes the buffer when
the first chunk comes; here it is made before the push is asked for.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from rayproof.model.graph import ObjectId
from rayproof.model.kernel import Context, Down, Message, Name, Process, TimerKind, Unhandled, Unreachable, constant
from rayproof.model.objects.ray2.admission import Bundle, PullClass, admit
from rayproof.model.objects.ray2.events import ChunkSent
from rayproof.model.objects.ray2.protocol import (
    Abort,
    Absent,
    Chunk,
    Content,
    Created,
    CreateObject,
    Exists,
    Held,
    Hold,
    MemoryChanged,
    Places,
    Pull,
    PullDone,
    PullFailed,
    PullReady,
    Release,
    RequestPush,
    Seal,
    Subscribe,
    Unsubscribe,
)
from rayproof.model.scheduler.policy.move_hooks import LinkView, WaitingObject, ask_transfer, has_transfer

PUSH = "push"
"""Timer of the sender: the next chunk leaves."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """An object that is being pulled."""

    source: int = -1
    """Node that was asked to push it; -1 while the buffer is not there or nobody can be asked."""
    buffer: bool = False
    chunks: tuple[tuple[int, int], ...] = ()
    """What has come: number and value of each chunk, sorted."""


@dataclass(frozen=True, slots=True)
class OutgoingObject:
    """An object on its way to another node."""

    object: ObjectId
    to: Name
    content: Content
    next: int = 0


@dataclass(slots=True)
class ObjectManager(Process):
    """Pulls and pushes of one node."""

    node: int = constant()
    owner: Name = constant()
    policy: object = constant(None)
    """Decides what is sent next, where it has the hook `transfer`."""
    priorities: tuple[tuple[ObjectId, int], ...] = constant(())
    """What the user says of objects."""
    bundles: dict[Name, Bundle] = field(default_factory=dict)
    """Requests by requester; a worker has one at a time."""
    arrivals: int = 0
    """Number of the latest bundle."""
    active: set[int] = field(default_factory=set)
    """Numbers of the admitted bundles."""
    ready: set[Name] = field(default_factory=set)
    """Requesters that have been told that all is here."""
    known: dict[ObjectId, Places] = field(default_factory=dict)
    """The owner's latest word on each object that is subscribed to."""
    incoming: dict[ObjectId, Incoming] = field(default_factory=dict)
    """Objects of admitted bundles that are not here yet."""
    here: set[ObjectId] = field(default_factory=set)
    """Objects of admitted bundles that are pinned in the local store."""
    asked: set[ObjectId] = field(default_factory=set)
    """Objects for which the local store's answer is outstanding."""
    pushes: tuple[OutgoingObject, ...] = ()
    """What is being sent, in the order of the requests."""
    memory: Hashable = ()
    """The proposal's own."""
    gone: set[Name] = field(default_factory=set)
    """Workers whose connection is closed: what they had sent counts no longer."""
    available: int = 0
    """Units of the local store that pulls may take."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Requests of workers, the owner's word, the local store's answers, other nodes' requests and chunks."""
        if sender in self.gone:
            return
        match message:
            case Pull(kind, objects):
                self.pull(ctx, sender, kind, objects)
            case PullDone():
                if sender in self.bundles:
                    self.forget(ctx, sender)
            case Places():
                self.learn(ctx, message)
            case MemoryChanged(available):
                self.available = available
                self.update(ctx)
            case Created(object_id):
                self.created(ctx, object_id)
            case Exists(object_id):
                if self.incoming.pop(object_id, None) is not None:
                    self.ask_store(ctx, object_id)
            case Held(object_id, content, to):
                if to:
                    self.begin_push(ctx, OutgoingObject(object_id, to, content))
                else:
                    self.held(ctx, object_id)
            case Absent(object_id, to):
                if not to:
                    self.absent(ctx, object_id)
            case RequestPush(object_id):
                self.push_requested(ctx, object_id, sender)
            case Chunk(object_id, index, value):
                self.chunk(ctx, object_id, index, value)
            case Unreachable(to, _):
                self.drop_pushes(ctx, to)
            case Down(worker):
                self.gone.add(worker)
                if worker in self.bundles:
                    self.forget(ctx, worker)
            case _:
                raise Unhandled(message)

    def store(self) -> Name:
        """The store of this node."""
        return f"store{self.node}"

    # ---- requests and admission -------------------------------------------------------------------------------------

    def pull(self, ctx: Context, requester: Name, kind: PullClass, objects: tuple[ObjectId, ...]) -> None:
        """A new bundle; each of its objects is subscribed to. `PullManager::Pull`."""
        for object_id in objects:
            if not any(object_id in bundle.objects for bundle in self.bundles.values()):
                ctx.send(self.owner, Subscribe(object_id))
        self.arrivals += 1
        self.bundles[requester] = Bundle(self.arrivals, kind, objects)
        for object_id in objects:
            # Whoever asked for it before has heard this already.
            if object_id in self.known and self.known[object_id].error:
                ctx.send(requester, PullFailed(objects, self.known[object_id].error))
        self.update(ctx)

    def forget(self, ctx: Context, requester: Name) -> None:
        """The requester has what it needs or has given up. `PullManager::CancelPull`."""
        bundle = self.bundles.pop(requester)
        self.ready.discard(requester)
        self.active.discard(bundle.number)
        for object_id in bundle.objects:
            if not any(object_id in other.objects for other in self.bundles.values()):
                self.known.pop(object_id, None)
                ctx.send(self.owner, Unsubscribe(object_id))
        if not self.bundles:
            self.arrivals = 0
        self.update(ctx)

    def learn(self, ctx: Context, places: Places) -> None:
        """The owner's word on an object; it may come after the last bundle with it is gone."""
        if not any(places.object in bundle.objects for bundle in self.bundles.values()):
            return
        self.known[places.object] = places
        if places.error:
            for requester, bundle in sorted(self.bundles.items()):
                if places.object in bundle.objects:
                    ctx.send(requester, PullFailed(bundle.objects, places.error))
            return
        pulled = self.incoming.get(places.object)
        if pulled is not None and pulled.source not in places.nodes:
            self.incoming[places.object] = Incoming(-1, pulled.buffer, pulled.chunks)
            self.ask_source(ctx, places.object)
        self.update(ctx)

    def sizes(self) -> dict[ObjectId, int]:
        """Sizes of what is here or can be pulled: made, and not lost and being made again."""
        return {
            object_id: places.size
            for object_id, places in self.known.items()
            if object_id in self.here or (places.nodes and not places.error)
        }

    def budget(self) -> int:
        """Units that the admitted bundles may take together."""
        return self.available

    def update(self, ctx: Context) -> None:
        """Admit what fits, stop what does not any longer, and go on with the rest."""
        admitted = admit(self.bundles.values(), self.active, self.sizes(), self.budget())
        self.active = {bundle.number for bundle in admitted}
        wanted = dict.fromkeys(object_id for bundle in admitted for object_id in bundle.objects)
        for object_id in sorted({*self.incoming, *self.here} - set(wanted)):
            self.stop(ctx, object_id)
        for object_id in wanted:
            if object_id not in self.here and object_id not in self.incoming and object_id not in self.asked:
                self.ask_store(ctx, object_id)
        for requester, bundle in sorted(self.bundles.items()):
            if bundle.number in self.active and requester not in self.ready and self.here.issuperset(bundle.objects):
                self.ready.add(requester)
                ctx.send(requester, PullReady(bundle.objects))

    def stop(self, ctx: Context, object_id: ObjectId) -> None:
        """Give back what was pulled of an object that no admitted bundle needs."""
        pulled = self.incoming.pop(object_id, None)
        if pulled is not None:
            ctx.send(self.store(), Abort(object_id))
        else:
            self.here.discard(object_id)
            ctx.send(self.store(), Release(object_id))

    # ---- pulling ----------------------------------------------------------------------------------------------------

    def ask_store(self, ctx: Context, object_id: ObjectId) -> None:
        """Perhaps the object is here, in memory or on disk."""
        self.asked.add(object_id)
        ctx.send(self.store(), Hold(object_id))

    def held(self, ctx: Context, object_id: ObjectId) -> None:
        """It is, and pinned now; a bundle that was stopped meanwhile does not need it."""
        self.asked.discard(object_id)
        if self.is_wanted(object_id):
            self.here.add(object_id)
            self.update(ctx)
        else:
            ctx.send(self.store(), Release(object_id))

    def absent(self, ctx: Context, object_id: ObjectId) -> None:
        """It is not: make a buffer for it."""
        self.asked.discard(object_id)
        if self.is_wanted(object_id):
            self.incoming[object_id] = Incoming()
            ctx.send(self.store(), CreateObject(object_id, self.known[object_id].size))

    def is_wanted(self, object_id: ObjectId) -> bool:
        """Whether an admitted bundle needs the object."""
        return any(object_id in bundle.objects for bundle in self.bundles.values() if bundle.number in self.active)

    def created(self, ctx: Context, object_id: ObjectId) -> None:
        """The buffer is there; a pull that was stopped meanwhile has aborted it already."""
        pulled = self.incoming.get(object_id)
        if pulled is not None:
            self.incoming[object_id] = Incoming(pulled.source, True, pulled.chunks)
            self.ask_source(ctx, object_id)

    def ask_source(self, ctx: Context, object_id: ObjectId) -> None:
        """Ask one of the nodes that have it, at random. `PullManager::PullFromRandomLocation`."""
        pulled = self.incoming[object_id]
        sources = [node for node in self.known[object_id].nodes if node != self.node]
        if pulled.buffer and sources:
            source = ctx.choose(sources, random=True)
            self.incoming[object_id] = Incoming(source, True, pulled.chunks)
            ctx.send(f"manager{source}", RequestPush(object_id))

    def chunk(self, ctx: Context, object_id: ObjectId, index: int, value: int) -> None:
        """A part has come, perhaps for a stopped pull or a second time. `ObjectManager::ReceiveObjectChunk`."""
        pulled = self.incoming.get(object_id)
        if pulled is None or not pulled.buffer:
            return
        chunks = self.with_chunk(pulled.chunks, (index, value))
        self.incoming[object_id] = Incoming(pulled.source, True, chunks)
        if len(chunks) == self.known[object_id].size:
            del self.incoming[object_id]
            self.here.add(object_id)
            ctx.send(self.store(), Seal(object_id, tuple(part for _, part in chunks)))
            self.update(ctx)

    def with_chunk(self, chunks: tuple[tuple[int, int], ...], new: tuple[int, int]) -> tuple[tuple[int, int], ...]:
        """The chunks that are here, each once."""
        return tuple(sorted({*chunks, new}))

    # ---- pushing ----------------------------------------------------------------------------------------------------

    def push_requested(self, ctx: Context, object_id: ObjectId, to: Name) -> None:
        """Send an object; a second request for the same push begins it anew. `PushManager::StartPush`."""
        if any((push.object, push.to) == (object_id, to) for push in self.pushes):
            self.pushes = tuple(
                OutgoingObject(push.object, push.to, push.content)
                if (push.object, push.to) == (object_id, to)
                else push
                for push in self.pushes
            )
        else:
            ctx.send(self.store(), Hold(object_id, to))

    def begin_push(self, ctx: Context, push: OutgoingObject) -> None:
        """The store holds the object for sending, once per push."""
        if any((other.object, other.to) == (push.object, push.to) for other in self.pushes):
            ctx.send(self.store(), Release(push.object, push.to))
        else:
            self.pushes += (push,)
            ctx.set_timer(PUSH, kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        """Send one chunk."""
        position = self.choose_push(ctx)
        push = self.pushes[position]
        begun = tuple(p.object for p in self.pushes if p.to == push.to and p.next and p != push)
        ctx.observe(ChunkSent(push.object, begun))
        ctx.send(push.to, Chunk(push.object, push.next, push.content[push.next]))
        if push.next + 1 == len(push.content):
            self.pushes = self.pushes[:position] + self.pushes[position + 1 :]
            ctx.send(self.store(), Release(push.object, push.to))
        else:
            sent = OutgoingObject(push.object, push.to, push.content, push.next + 1)
            self.pushes = self.after_sending(position, sent)
        if self.pushes:
            ctx.set_timer(PUSH, kind=TimerKind.PROGRAM)

    def choose_push(self, ctx: Context) -> int:
        """First come, first served: for one receiver an object is sent whole before the next one begins.

        A proposal may choose otherwise.
        """
        if not has_transfer(self.policy):
            return 0
        known = dict(self.priorities)
        queue = [WaitingObject(p.object, p.to, len(p.content), p.next, known.get(p.object, 0)) for p in self.pushes]
        position, _, self.memory = ask_transfer(self.policy, queue, LinkView(self.node), self.memory, ctx)
        assert position is not None  # The only connection is free.
        return position

    def after_sending(self, position: int, sent: OutgoingObject) -> tuple[OutgoingObject, ...]:
        """The pushes once a chunk of one of them has left."""
        return (*self.pushes[:position], sent, *self.pushes[position + 1 :])

    def drop_pushes(self, ctx: Context, to: Name) -> None:
        """The receiver is dead."""
        for push in self.pushes:
            if push.to == to:
                ctx.send(self.store(), Release(push.object, push.to))
        self.pushes = tuple(push for push in self.pushes if push.to != to)
        if not self.pushes:
            ctx.cancel_timer(PUSH)
