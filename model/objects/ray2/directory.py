"""The owner's directory: where each object is, who wants to know, and what becomes of an object that is nowhere.

Source: Ray 2.60 `core_worker/reference_counter.cc` (locations, pinned and spilled places) and
`ownership_object_directory.cc`. Locations come from the stores, the primary copy's place with the reply of the task.

Left out: counting of references (`objects.references`) and the rules of recovery (`lineage.ownership`): here an object
that is lost is made again whenever some live worker can, and everything is freed when all workers have ended.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.graph import ObjectId
from rayproof.model.kernel import Context, Down, Message, Name, Process, Unhandled, Unreachable, constant
from rayproof.model.objects.ray2.protocol import (
    CopyAdded,
    CopyRemoved,
    FreeObject,
    MakeAgain,
    ObjectFailed,
    ObjectMade,
    Places,
    SpilledTo,
    Subscribe,
    Unsubscribe,
    WorkerDone,
)


@dataclass(slots=True)
class Directory(Process):
    """What the owner knows of its objects."""

    sizes: tuple[tuple[ObjectId, int], ...] = constant()
    workers: tuple[Name, ...] = constant()
    makers: tuple[tuple[ObjectId, Name], ...] = constant()
    """Workers that can make an object; the first one is about to, the others can make it again."""
    nodes: tuple[int, ...] = constant()
    copies: dict[ObjectId, set[int]] = field(default_factory=dict)
    """Nodes with a copy in memory."""
    primary: dict[ObjectId, int] = field(default_factory=dict)
    """Node with the pinned copy."""
    spilled: dict[ObjectId, int] = field(default_factory=dict)
    """Node with the object on its disk."""
    making: dict[ObjectId, Name] = field(default_factory=dict)
    """Who is about to make an object; such an object is not lost."""
    lost: dict[ObjectId, str] = field(default_factory=dict)
    """Objects that nobody can make again, with the error that readers get."""
    subscribers: dict[ObjectId, tuple[Name, ...]] = field(default_factory=dict)
    """Object managers that want to know."""
    running: set[Name] = field(default_factory=set)
    """Workers whose program has not ended; when there is none, nothing is referenced any longer."""
    again: dict[Name, int] = field(default_factory=dict)
    """How often each worker was asked to make something again."""
    dead: set[Name] = field(default_factory=set)
    over: bool = False
    """Everything is freed."""

    def start(self, ctx: Context) -> None:
        """All programs run, each object is about to be made."""
        self.running = set(self.workers)
        for object_id, worker in self.makers:
            self.making.setdefault(object_id, worker)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """The stores' reports, the workers' replies, the object managers' questions, deaths."""
        if not self.accepts(sender):
            return
        match message:
            case ObjectMade(object_id, node):
                self.object_made(ctx, object_id, node)
            case CopyAdded(object_id, node):
                if node not in self.dead_nodes() and not self.over:
                    self.copies.setdefault(object_id, set()).add(node)
                    self.changed(ctx, object_id)
            case CopyRemoved(object_id, node):
                self.copies.get(object_id, set()).discard(node)
                self.changed(ctx, object_id)
            case SpilledTo(object_id, node):
                if node not in self.dead_nodes() and not self.over:
                    self.primary.pop(object_id, None)
                    self.spilled[object_id] = node
                    self.changed(ctx, object_id)
            case Subscribe(object_id):
                self.subscribers[object_id] = (*self.subscribers.get(object_id, ()), sender)
                self.tell(ctx, object_id, sender)
            case Unsubscribe(object_id):
                self.subscribers[object_id] = tuple(name for name in self.subscribers[object_id] if name != sender)
            case ObjectFailed(object_id, error):
                self.making.pop(object_id, None)
                self.lost[object_id] = error
                self.changed(ctx, object_id)
            case WorkerDone(again):
                if again == self.again.get(sender, 0):
                    self.worker_ended(ctx, sender)
            case Down(name):
                self.died(ctx, name)
            case Unreachable(to, MakeAgain()):
                self.died(ctx, to)
            case Unreachable():
                pass
            case _:
                raise Unhandled(message)

    def accepts(self, sender: Name) -> bool:
        """Whether word of a process counts: not once it is known to be dead, however late it comes."""
        return sender not in self.dead

    def dead_nodes(self) -> set[int]:
        """Nodes declared dead."""
        return {node for node in self.nodes if f"store{node}" in self.dead}

    def places(self, object_id: ObjectId) -> tuple[int, ...]:
        """Nodes that have the object in memory or on disk."""
        found = set(self.copies.get(object_id, ()))
        found |= {where[object_id] for where in (self.primary, self.spilled) if object_id in where}
        return tuple(sorted(found))

    def object_made(self, ctx: Context, object_id: ObjectId, node: int) -> None:
        """The reply of the task; late from a dead node, it means that the object is lost."""
        self.making.pop(object_id, None)
        if node not in self.dead_nodes():
            self.primary[object_id] = node
        self.changed(ctx, object_id)

    def changed(self, ctx: Context, object_id: ObjectId) -> None:
        """Tell everybody who wants to know; have a lost object made again."""
        if not self.places(object_id) and object_id not in self.making and object_id not in self.lost and not self.over:
            self.recover(ctx, object_id)
        for manager in self.subscribers.get(object_id, ()):
            self.tell(ctx, object_id, manager)

    def tell(self, ctx: Context, object_id: ObjectId, manager: Name) -> None:
        """The present places of an object."""
        ctx.send(
            manager,
            Places(object_id, dict(self.sizes)[object_id], self.places(object_id), self.lost.get(object_id, "")),
        )

    def recover(self, ctx: Context, object_id: ObjectId) -> None:
        """Ask the first live worker that can make it; with none the readers get an error."""
        able = [worker for name, worker in self.makers if name == object_id and worker not in self.dead]
        if able:
            self.making[object_id] = able[0]
            self.again[able[0]] = self.again.get(able[0], 0) + 1
            self.running.add(able[0])
            ctx.send(able[0], MakeAgain(object_id))
        else:
            self.lost[object_id] = "ObjectLostError"

    def died(self, ctx: Context, name: Name) -> None:
        """Forget what a dead node had, memory and disk, and repair; so too what a dead worker was about to make."""
        if name in self.dead:
            return
        self.dead.add(name)
        gone = self.dead_nodes()
        for object_id, _ in self.sizes:
            before = self.places(object_id), self.making.get(object_id)
            self.copies[object_id] = self.copies.get(object_id, set()) - gone
            for where in (self.primary, self.spilled):
                if where.get(object_id) in gone:
                    del where[object_id]
            if self.making.get(object_id) == name:
                del self.making[object_id]
            if (self.places(object_id), self.making.get(object_id)) != before:
                self.changed(ctx, object_id)
        if name in self.running:
            self.worker_ended(ctx, name)

    def worker_ended(self, ctx: Context, worker: Name) -> None:
        """When no program runs any longer, everything is freed."""
        self.running.discard(worker)
        if not self.running and not self.over:
            self.over = True
            for object_id, _ in self.sizes:
                for node in self.nodes:
                    if node not in self.dead_nodes():
                        ctx.send(f"store{node}", FreeObject(object_id))
            self.copies, self.primary, self.spilled = {}, {}, {}
