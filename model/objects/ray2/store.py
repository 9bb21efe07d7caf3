"""The object store of one node: room, sealing, users, primary copies, eviction, spilling to disk and restoring.

Source: Ray 2.60 `plasma/create_request_queue.cc` (first come, first served; the head blocks),
`plasma/object_store.cc`, `plasma/eviction_policy.cc` and `raylet/local_object_manager.cc` (pins, spill, restore). A
copy leaves memory by eviction, which deletes it, when nobody uses or pins it; a pinned primary copy first has to be
written to disk.

Left out: fusing of small objects into one file and the 0.8 threshold (they change when, not what, is spilled); external
storage that outlives the node; small objects inlined in messages, which never reach a store.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from rayproof.model.graph import ObjectId
from rayproof.model.kernel import (
    Context,
    Down,
    FaultKind,
    Message,
    Name,
    Process,
    TimerKind,
    Unhandled,
    Unreachable,
    constant,
)
from rayproof.model.objects.ray2.events import Aborted, RoomGiven, SealedWith
from rayproof.model.objects.ray2.eviction import require_space
from rayproof.model.objects.ray2.protocol import (
    Abort,
    Absent,
    Content,
    CopyAdded,
    CopyRemoved,
    Created,
    CreateObject,
    Exists,
    FreeObject,
    Held,
    Hold,
    MemoryChanged,
    Pinned,
    PinObject,
    Release,
    Seal,
    Sealed,
    SpilledTo,
)

SPILL = "spill "
"""Prefix of the timers of writes to disk, one per object."""

RESTORE = "restore "
"""Prefix of the timers of reads from disk."""

GRACE = "grace"
"""Timer after which room is taken outside of the store's memory: `oom_grace_period_s`, long enough."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An object in memory."""

    size: int
    users: tuple[Name, ...]
    """Clients that write or read it, sorted, once per use; nodes that it is being sent to go by their own name."""
    sealed: bool = False
    content: Content = ()
    primary: bool = False
    """Pinned until it is spilled or the owner frees it."""
    freed: bool = False
    """To be deleted when the last user releases it."""
    outside: bool = False
    """Allocated on disk-backed memory outside of the capacity, as a last resort."""

    @property
    def taken(self) -> int:
        """Units of the capacity."""
        return 0 if self.outside else self.size


@dataclass(frozen=True, slots=True)
class WaitsForRoom:
    """Somebody waits for room."""

    object: ObjectId
    size: int
    client: Name


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody waits for an object."""

    object: ObjectId
    client: Name
    to: Name = ""


@dataclass(slots=True)
class Store(Process):
    """Memory and disk of one node's objects."""

    node: int = constant()
    capacity: int = constant()
    owner: Name = constant()
    manager: Name = constant()
    fallback: bool = constant(False)
    """Whether room outside of the capacity may be taken when nothing else helps."""
    entries: dict[ObjectId, Entry] = field(default_factory=dict)
    unused: tuple[ObjectId, ...] = ()
    """What may be evicted, least recently used first."""
    requests: tuple[WaitsForRoom, ...] = ()
    """Who waits for room, in the order of arrival."""
    disk: dict[ObjectId, Content] = field(default_factory=dict)
    spilling: set[ObjectId] = field(default_factory=set)
    """Being written to disk; each takes an IO worker of the spilling pool."""
    restoring: set[ObjectId] = field(default_factory=set)
    """Being read from disk, or waiting for room for that; each takes an IO worker of the restoring pool."""
    readers: tuple[Reader, ...] = ()
    """Who waits for an object to be restored or written."""
    gone: set[Name] = field(default_factory=set)
    """Clients whose connection is closed: what they had sent counts no longer."""
    told: int = -1
    """What the object manager knows of the available memory."""

    def start(self, ctx: Context) -> None:
        """The object manager learns what it may use."""
        self.settle(ctx)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Requests of clients and of the owner."""
        if sender in self.gone:
            return
        match message:
            case CreateObject(object_id, size):
                self.requests += (WaitsForRoom(object_id, size, sender),)
            case Seal(object_id, content):
                self.seal(ctx, object_id, content)
                if sender != self.manager:
                    ctx.send(sender, Sealed(object_id))
            case PinObject(object_id):
                self.pin(ctx, object_id, sender)
            case Hold(object_id, to):
                self.hold(ctx, Reader(object_id, sender, to))
            case Release(object_id, to):
                self.release(object_id, to or sender)
            case Abort(object_id):
                self.abort(ctx, object_id, sender)
            case FreeObject(object_id):
                self.free(object_id)
            case Down(client):
                self.gone.add(client)
                self.client_died(ctx, client)
            case Unreachable():
                pass
            case _:
                raise Unhandled(message)
        self.settle(ctx)

    # ---- clients ----------------------------------------------------------------------------------------------------

    def seal(self, ctx: Context, object_id: ObjectId, content: Content) -> None:
        """The object can be read from now on. `object_lifecycle_manager.cc::SealObject`."""
        self.entries[object_id] = replace(self.entries[object_id], sealed=True, content=content)
        ctx.observe(SealedWith(object_id, content))
        ctx.send(self.owner, CopyAdded(object_id, self.node))
        for reader in self.take_readers(object_id):
            self.use(ctx, reader)

    def take_readers(self, object_id: ObjectId) -> list[Reader]:
        """Who has waited for an object, and no longer does."""
        waiting = [reader for reader in self.readers if reader.object == object_id]
        self.readers = tuple(reader for reader in self.readers if reader.object != object_id)
        return waiting

    def pin(self, ctx: Context, object_id: ObjectId, client: Name) -> None:
        """Make it the primary copy. `local_object_manager.cc::PinObjectsAndWaitForFree`."""
        if object_id in self.entries:
            self.entries[object_id] = replace(self.entries[object_id], primary=True)
            self.unused = tuple(name for name in self.unused if name != object_id)
        ctx.send(client, Pinned(object_id))

    def hold(self, ctx: Context, reader: Reader) -> None:
        """Give a reader the object, from disk when it is not in memory; one that is being written is waited for."""
        entry = self.entries.get(reader.object)
        if entry is not None and entry.sealed:
            self.use(ctx, reader)
        elif self.pushes_from_disk(reader):
            ctx.send(reader.client, Held(reader.object, self.disk[reader.object], reader.to))
        elif entry is not None or reader.object in self.disk:
            self.readers += (reader,)
        else:
            ctx.send(reader.client, Absent(reader.object, reader.to))

    def pushes_from_disk(self, reader: Reader) -> bool:
        """What another node asks for is sent from the file and takes no memory here. `PushFromFilesystem`."""
        return bool(reader.to) and reader.object in self.disk

    def use(self, ctx: Context, reader: Reader) -> None:
        """One more user of a sealed object: no copy is made for it."""
        entry = self.entries[reader.object]
        self.entries[reader.object] = replace(entry, users=tuple(sorted((*entry.users, reader.to or reader.client))))
        self.unused = tuple(name for name in self.unused if name != reader.object)
        ctx.send(reader.client, Held(reader.object, entry.content, reader.to))

    def release(self, object_id: ObjectId, client: Name) -> None:
        """One user less; what nobody uses or pins may be evicted, newest last."""
        entry = self.entries.get(object_id)
        if entry is None or client not in entry.users:
            return
        users = list(entry.users)
        users.remove(client)
        self.entries[object_id] = replace(entry, users=tuple(users))
        if not users and entry.freed:
            del self.entries[object_id]
        elif not users and not entry.primary:
            self.unused += (object_id,)

    def abort(self, ctx: Context, object_id: ObjectId, client: Name) -> None:
        """Forget a request, or the half-written object that came of it."""
        self.requests = tuple(r for r in self.requests if (r.object, r.client) != (object_id, client))
        entry = self.entries.get(object_id)
        if entry is not None and not entry.sealed and client in entry.users:
            ctx.observe(Aborted(self.node, object_id))
            self.give_up(ctx, object_id)

    def give_up(self, ctx: Context, object_id: ObjectId) -> None:
        """What was to be written will not come; readers learn it unless it is on disk."""
        del self.entries[object_id]
        if object_id not in self.disk:
            for reader in self.take_readers(object_id):
                ctx.send(reader.client, Absent(object_id, reader.to))

    def client_died(self, ctx: Context, client: Name) -> None:
        """Give back all that a dead client has held. `plasma/store.cc::DisconnectClient`."""
        self.readers = tuple(reader for reader in self.readers if reader.client != client)
        for request in self.requests:
            if request.client == client:
                self.abort(ctx, request.object, client)
        for object_id in sorted(self.entries):
            entry = self.entries[object_id]
            if not entry.sealed:
                self.abort(ctx, object_id, client)
            else:
                for _ in range(entry.users.count(client)):
                    self.release(object_id, client)

    def free(self, object_id: ObjectId) -> None:
        """Nobody refers to the object: drop it at once, or when its last user lets go."""
        self.disk.pop(object_id, None)
        self.unused = tuple(name for name in self.unused if name != object_id)
        entry = self.entries.get(object_id)
        if entry is None:
            return
        if entry.users or object_id in self.spilling:
            self.entries[object_id] = replace(entry, primary=False, freed=True)
        else:
            del self.entries[object_id]

    # ---- room -------------------------------------------------------------------------------------------------------

    def allocated(self) -> int:
        """Units of the capacity that are taken."""
        return sum(entry.taken for entry in self.entries.values())

    def settle(self, ctx: Context) -> None:
        """Serve who waits as far as possible, then tell the object manager what is left."""
        self.start_restores(ctx)
        self.serve_requests(ctx)
        available = self.available()
        if available != self.told:
            self.told = available
            ctx.send(self.manager, MemoryChanged(available))

    def available(self) -> int:
        """Units that pulls may take: what is free or evictable, and what pulls have already taken."""
        kept = 0
        for object_id, entry in self.entries.items():
            # What the object manager holds for itself belongs to an admitted bundle, which answers for it.
            if object_id not in self.unused and self.manager not in entry.users:
                kept += entry.taken
        return self.capacity - kept

    def serve_requests(self, ctx: Context) -> None:
        """Give room in the order of the requests; the first that does not fit blocks. `ProcessRequests`."""
        while self.requests:
            if not self.exists(ctx, self.requests[0]) and not self.make_room(ctx, self.requests[0].size):
                self.spill(ctx)
                if self.fallback:
                    ctx.set_timer(GRACE, 2_000_000, TimerKind.PATIENT)
                return
            self.allocate(ctx, 0)
        ctx.cancel_timer(GRACE)

    def exists(self, ctx: Context, request: WaitsForRoom) -> bool:
        """Whether nothing has to be made: the object is here, or is to be made while it is on disk.

        `ObjectLifecycleManager::CreateObject` looks in memory only; what is on disk Ray finds at the next try.
        """
        return request.object in self.entries or (request.client != ctx.me and request.object in self.disk)

    def make_room(self, ctx: Context, size: int) -> bool:
        """Evict as far as needed; whether the request fits then."""
        if self.allocated() + size > self.capacity:
            sizes = [self.entries[object_id].taken for object_id in self.unused]
            plan = require_space(self.capacity, self.allocated(), sizes, size)
            if plan.still_needed > 0:
                return False
            for object_id in self.unused[: plan.count]:
                self.evict(ctx, object_id)
        return True

    def evict(self, ctx: Context, object_id: ObjectId) -> None:
        """Delete a copy that nobody uses, and say so."""
        self.unused = tuple(name for name in self.unused if name != object_id)
        del self.entries[object_id]
        self.report_removed(ctx, object_id)

    def report_removed(self, ctx: Context, object_id: ObjectId) -> None:
        """The owner's directory must not name this node any longer."""
        ctx.send(self.owner, CopyRemoved(object_id, self.node))

    def allocate(self, ctx: Context, position: int, *, outside: bool = False) -> None:
        """Serve one request."""
        request = self.requests[position]
        self.requests = self.requests[:position] + self.requests[position + 1 :]
        if self.exists(ctx, request):
            if request.client == ctx.me:
                # Somebody makes it again: who waits for it is served as soon as that is sealed.
                self.restoring.discard(request.object)
            else:
                ctx.send(request.client, Exists(request.object))
            return
        ctx.observe(RoomGiven(self.node, request.object, tuple(r.object for r in self.requests[:position])))
        self.entries[request.object] = Entry(request.size, (request.client,), outside=outside)
        if request.client == ctx.me:
            ctx.set_timer(RESTORE + request.object, kind=TimerKind.PROGRAM)
        else:
            ctx.send(request.client, Created(request.object))

    # ---- disk -------------------------------------------------------------------------------------------------------

    def spill(self, ctx: Context) -> None:
        """Write a primary copy that nobody uses to disk. `SpillObjectsOfSize`."""
        for object_id in sorted(self.entries):
            entry = self.entries[object_id]
            if entry.primary and entry.sealed and not entry.users and not entry.outside and self.spiller_free():
                self.spilling.add(object_id)
                ctx.set_timer(SPILL + object_id, kind=TimerKind.PROGRAM)

    def spiller_free(self) -> bool:
        """One IO worker writes."""
        return not self.spilling

    def restorer_free(self) -> bool:
        """Another one reads: a read that waits for room must not keep others from making room."""
        return not self.restoring

    def start_restores(self, ctx: Context) -> None:
        """Ask for room for what somebody waits to read. `AsyncRestoreSpilledObject`."""
        for object_id in dict.fromkeys(reader.object for reader in self.readers):
            if object_id in self.disk and object_id not in self.entries and object_id not in self.restoring:
                if not self.restorer_free():
                    return
                self.restoring.add(object_id)
                self.requests += (WaitsForRoom(object_id, len(self.disk[object_id]), ctx.me),)

    def fire(self, ctx: Context, timer: str) -> None:
        """An IO worker has ended, or waiting for room has lasted too long."""
        if timer.startswith(SPILL):
            self.spilled(ctx, timer.removeprefix(SPILL))
        elif timer.startswith(RESTORE):
            self.restored(ctx, timer.removeprefix(RESTORE))
        elif self.requests:
            self.allocate(ctx, 0, outside=True)
        self.settle(ctx)

    def spilled(self, ctx: Context, object_id: ObjectId) -> None:
        """The write has ended; after a failure the object stays pinned. `SpillObjectsInternal`."""
        self.spilling.discard(object_id)
        entry = self.entries[object_id]
        if ctx.may_fail(FaultKind.FAIL_WRITE):
            return
        self.leave_memory(ctx, object_id, entry)

    def leave_memory(self, ctx: Context, object_id: ObjectId, entry: Entry) -> None:
        """The object is on disk: its memory may be taken for others."""
        if entry.freed:
            if not entry.users:
                del self.entries[object_id]
            return
        self.disk[object_id] = entry.content
        self.entries[object_id] = replace(entry, primary=False)
        if not entry.users:
            self.unused += (object_id,)
        ctx.send(self.owner, SpilledTo(object_id, self.node))

    def restored(self, ctx: Context, object_id: ObjectId) -> None:
        """The read has ended; a failed one is tried again as long as somebody waits."""
        self.restoring.discard(object_id)
        content = self.disk.get(object_id)
        if content is None or ctx.may_fail(FaultKind.FAIL_WRITE):
            self.give_up(ctx, object_id)
        else:
            self.seal(ctx, object_id, content)
            self.release(object_id, ctx.me)
