"""A node's object store and object manager: what is here, and what is on its way.

Source: Ray 2.60, `object_manager/pull_manager.cc`, `push_manager.cc`, `ownership_object_directory.cc`. A pull asks one
of the nodes that the owner knows, drawn at random, and asks the owner again when that one is gone. Whoever needs an
object shares the pull.

Left out: the bound of the store (eviction, spilling, admission of pulls), chunks, and pulls that are given up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rayproof.model.graph import ObjectId, Program
from rayproof.model.kernel import Context, Down, Message, Name, Process, Unhandled, constant
from rayproof.model.wire.ray2.leases import INSIDE, Located
from rayproof.model.wire.ray2.objects import (
    FetchObject,
    Moved,
    ObjectCopy,
    ObjectLocal,
    PullObject,
    Seal,
)
from rayproof.model.wire.ray2.workers import FAILED, CopyAt, Known, Locate, ObjectAt


@dataclass(slots=True, kw_only=True)
class ObjectManager(Process):
    """One node's objects."""

    program: Program = constant()
    raylet: Name = constant()
    """This node's."""
    stores: Mapping[Name, Name] = constant()
    """Object manager of each raylet's node."""
    here: dict[ObjectId, int] = field(default_factory=dict)
    pulls: dict[ObjectId, tuple[Name, Name]] = field(default_factory=dict)
    """On their way -> (owner, raylet of the node asked; empty while the owner is asked)."""
    told: dict[ObjectId, tuple[Name, ...]] = field(default_factory=dict)
    """Core workers that wait for an object."""
    dead: set[Name] = field(default_factory=set)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Objects, wishes for them, and what owners know."""
        match message:
            case Seal(made, value):
                self.arrived(ctx, made, value)
            case PullObject(what, tell):
                self.pull(ctx, what, sender if tell else "")
            case FetchObject(wanted):
                if wanted in self.here:
                    size = self.program.objects[wanted].size_bytes
                    ctx.send(sender, ObjectCopy(wanted, self.here[wanted], size))
            case ObjectCopy(made, value, size):
                if made in self.pulls and made not in self.here:
                    ctx.observe(Moved(made, self.raylet, size))
                    owner = self.pulls[made][0]
                    self.arrived(ctx, made, value)
                    ctx.send(owner, CopyAt(made, self.raylet))
            case ObjectAt(wanted, known):
                self.located(ctx, wanted, known)
            case Down(node):
                self.node_died(ctx, node)
            case _:
                raise Unhandled(message)

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
            ctx.send(self.stores[source], FetchObject(wanted))
        else:
            ctx.send(owner, Locate(wanted, tuple(sorted(self.dead))))

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
        for wanted, (owner, source) in sorted(self.pulls.items()):
            if source == node:
                self.ask(ctx, wanted, owner, ())
