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
        for there, worker in self.makers:
            self.making.setdefault(there, worker)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """The stores' reports, the workers' replies, the object managers' questions, deaths."""
        if not self.accepts(sender):
            return
        match message:
            case ObjectMade(there, node):
                self.object_made(ctx, there, node)
            case CopyAdded(there, node):
                if node not in self.dead_nodes() and not self.over:
                    self.copies.setdefault(there, set()).add(node)
                    self.changed(ctx, there)
            case CopyRemoved(there, node):
                self.copies.get(there, set()).discard(node)
                self.changed(ctx, there)
            case SpilledTo(there, node):
                if node not in self.dead_nodes() and not self.over:
                    self.primary.pop(there, None)
                    self.spilled[there] = node
                    self.changed(ctx, there)
            case Subscribe(there):
                self.subscribers[there] = (*self.subscribers.get(there, ()), sender)
                self.tell(ctx, there, sender)
            case Unsubscribe(there):
                self.subscribers[there] = tuple(name for name in self.subscribers[there] if name != sender)
            case ObjectFailed(there, error):
                self.making.pop(there, None)
                self.lost[there] = error
                self.changed(ctx, there)
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

    def places(self, there: ObjectId) -> tuple[int, ...]:
        """Nodes that have the object in memory or on disk."""
        found = set(self.copies.get(there, ()))
        found |= {where[there] for where in (self.primary, self.spilled) if there in where}
        return tuple(sorted(found))

    def object_made(self, ctx: Context, there: ObjectId, node: int) -> None:
        """The reply of the task; late from a dead node, it means that the object is lost."""
        self.making.pop(there, None)
        if node not in self.dead_nodes():
            self.primary[there] = node
        self.changed(ctx, there)

    def changed(self, ctx: Context, there: ObjectId) -> None:
        """Tell everybody who wants to know; have a lost object made again."""
        if not self.places(there) and there not in self.making and there not in self.lost and not self.over:
            self.recover(ctx, there)
        for manager in self.subscribers.get(there, ()):
            self.tell(ctx, there, manager)

    def tell(self, ctx: Context, there: ObjectId, manager: Name) -> None:
        """The present places of an object."""
        ctx.send(manager, Places(there, dict(self.sizes)[there], self.places(there), self.lost.get(there, "")))

    def recover(self, ctx: Context, there: ObjectId) -> None:
        """Ask the first live worker that can make it; with none the readers get an error."""
        able = [worker for name, worker in self.makers if name == there and worker not in self.dead]
        if able:
            self.making[there] = able[0]
            self.again[able[0]] = self.again.get(able[0], 0) + 1
            self.running.add(able[0])
            ctx.send(able[0], MakeAgain(there))
        else:
            self.lost[there] = "ObjectLostError"

    def died(self, ctx: Context, name: Name) -> None:
        """Forget what a dead node had, memory and disk, and repair; so too what a dead worker was about to make."""
        if name in self.dead:
            return
        self.dead.add(name)
        gone = self.dead_nodes()
        for there, _ in self.sizes:
            before = self.places(there), self.making.get(there)
            self.copies[there] = self.copies.get(there, set()) - gone
            for where in (self.primary, self.spilled):
                if where.get(there) in gone:
                    del where[there]
            if self.making.get(there) == name:
                del self.making[there]
            if (self.places(there), self.making.get(there)) != before:
                self.changed(ctx, there)
        if name in self.running:
            self.worker_ended(ctx, name)

    def worker_ended(self, ctx: Context, worker: Name) -> None:
        """When no program runs any longer, everything is freed."""
        self.running.discard(worker)
        if not self.running and not self.over:
            self.over = True
            for there, _ in self.sizes:
                for node in self.nodes:
                    if node not in self.dead_nodes():
                        ctx.send(f"store{node}", FreeObject(there))
            self.copies, self.primary, self.spilled = {}, {}, {}
