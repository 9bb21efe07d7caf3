"""Moving an actor to make room for another one: stop intake, drain, checkpoint, install, redirect callers.

Source: a proposal of the seed notes; neither the paper nor Ray 2.60 moves a living actor. The coordinator keeps what it
has decided on durable storage and repeats its orders when it comes back. A host that dies takes its actors with it;
they begin anew elsewhere if there is room (as in Ray: constructor, no state), except that an actor whose checkpoint has
been taken goes on from it.

Left out: which move is best (`rayproof.solver.migration`): the smallest actor that makes room is taken, or a proposal
decides (the hook `migrate`); several moves at a time.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from rayproof.model.actors.hosts import Checkpoint, Kind, Obeyed, Order, Probe, Redirect, Where
from rayproof.model.kernel import (
    Context,
    Down,
    Message,
    Name,
    Process,
    TimerKind,
    Unhandled,
    Unreachable,
    constant,
    durable,
)
from rayproof.model.scheduler.policy.move_hooks import ActorView, HostView, RoomRequest, RoomView, ask_migrate

PLAN = "plan"
"""Timer of the first look for room."""


@dataclass(frozen=True, slots=True)
class Move:
    """A migration under way."""

    actor: str
    source: Name
    target: Name


@dataclass(slots=True)
class Coordinator(Process):
    """Decides who is where."""

    sizes: tuple[tuple[str, int], ...] = constant()
    capacities: tuple[tuple[Name, int], ...] = constant()
    callers: tuple[tuple[str, Name], ...] = constant()
    """Who calls which actor."""
    policy: object = constant(None)
    """Decides which actor moves, where it has the hook `migrate`."""
    most_moves: int = constant(4)
    """How often a proposal is asked for a move that it may make in vain."""
    places: dict[str, Name] = durable(default_factory=dict)
    """Host of each actor; empty for one that is dead for good."""
    unplaced: tuple[str, ...] = durable(default=())
    """Actors that wait for room."""
    move: Move | None = durable(default=None)
    orders: dict[tuple[Name, str], Order] = durable(default_factory=dict)
    """Orders without an answer."""
    epoch: int = durable(default=0)
    dead: set[Name] = durable(default_factory=set)
    moves: int = durable(default=0)
    """Moves that a proposal has made."""
    memory: Hashable = durable(default=())
    """The proposal's own."""

    def start(self, ctx: Context) -> None:
        """Begin, or go on where the durable state stands: repeat orders, look for the dead, tell callers."""
        for host, _ in self.capacities:
            if host not in self.dead:
                ctx.send(host, Probe())
        self.repeat_orders(ctx)
        for actor, _ in self.sizes:
            self.publish(ctx, actor)
        if self.policy is None:
            self.make_room(ctx)
        else:
            # A proposal may draw, which no process can while the initial state is made.
            ctx.set_timer(PLAN, kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        """Look for room, at the beginning."""
        self.make_room(ctx)

    def repeat_orders(self, ctx: Context) -> None:
        """Whatever has no answer may not have arrived."""
        for (host, _), order in sorted(self.orders.items()):
            ctx.send(host, order)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Answers to orders, questions of callers, deaths of hosts."""
        match message:
            case Obeyed(kind, actor, epoch, checkpoint):
                order = self.orders.get((sender, actor))
                if order is not None and order.epoch == epoch:
                    del self.orders[sender, actor]
                    self.obeyed(ctx, kind, actor, checkpoint)
            case Where(actor):
                if self.is_settled(actor):
                    ctx.send(sender, Redirect(actor, self.places[actor]))
            case Down(host) | Unreachable(host, _):
                if host in dict(self.capacities) and host not in self.dead:
                    self.host_died(ctx, host)
            case _:
                raise Unhandled(message)

    def is_settled(self, actor: str) -> bool:
        """Whether callers can be told where the actor is: not while it moves, begins anew or is resumed there."""
        moving = self.move is not None and self.move.actor == actor
        return actor in self.places and not moving and (self.places[actor], actor) not in self.orders

    def give(self, ctx: Context, host: Name, kind: Kind, actor: str, checkpoint: Checkpoint = ()) -> None:
        """Give an order, and remember it until it is answered."""
        self.epoch += 1
        order = Order(kind, actor, dict(self.sizes)[actor], self.epoch, checkpoint)
        self.orders[host, actor] = order
        ctx.send(host, order)

    def free(self, host: Name) -> int:
        """Room on a host, with what is on its way there counted as there and what has to leave it still there."""
        held = {actor for actor, place in self.places.items() if place == host}
        held |= {name for at, name in self.orders if at == host}
        if self.move is not None and self.move.target == host:
            held.add(self.move.actor)
        return dict(self.capacities)[host] - sum(size for actor, size in self.sizes if actor in held)

    def live_hosts(self) -> list[Name]:
        """Hosts that are not known to be dead."""
        return [host for host, _ in self.capacities if host not in self.dead]

    def make_room(self, ctx: Context) -> None:
        """Place who waits; when there is no room, move one actor so that there is."""
        for actor in self.unplaced:
            size = dict(self.sizes)[actor]
            fitting = [host for host in self.live_hosts() if self.free(host) >= size]
            if fitting:
                self.unplaced = tuple(name for name in self.unplaced if name != actor)
                self.places[actor] = fitting[0]
                self.give(ctx, fitting[0], Kind.INSTALL, actor)
            elif self.move is None and not self.orders:
                self.move = self.plan(size) if self.policy is None else self.planned(ctx, self.policy, actor, size)
                if self.move is not None:
                    self.give(ctx, self.move.source, Kind.STOP, self.move.actor)

    def plan(self, size: int) -> Move | None:
        """The smallest actor whose departure makes room, and a host that has room for it."""
        for moved, actor in sorted((size, actor) for actor, size in self.sizes if self.places.get(actor)):
            source = self.places[actor]
            for target in self.live_hosts():
                if target != source and self.free(target) >= moved and self.free(source) + moved >= size:
                    return Move(actor, source, target)
        return None

    def planned(self, ctx: Context, policy: object, actor: str, size: int) -> Move | None:
        """The move of a proposal, right or wrong."""
        if self.moves == self.most_moves:
            return None
        capacities, sizes = dict(self.capacities), dict(self.sizes)
        hosts = tuple(HostView(host, capacities[host], self.free(host)) for host in self.live_hosts())
        placed = tuple(ActorView(name, sizes[name], at) for name, at in sorted(self.places.items()) if at)
        answer, self.memory = ask_migrate(policy, RoomRequest(actor, size), RoomView(hosts, placed), self.memory, ctx)
        if answer is None:
            return None
        self.moves += 1
        return Move(answer.actor, self.places[answer.actor], answer.to)

    # ---- the move ---------------------------------------------------------------------------------------------------

    def obeyed(self, ctx: Context, kind: Kind, actor: str, checkpoint: Checkpoint) -> None:
        """The next phase: stopped, then installed at the target, then removed at the source."""
        move = self.move
        if kind is Kind.STOP and move is not None and move.actor == actor:
            self.give(ctx, move.target, Kind.INSTALL, actor, checkpoint)
        elif kind is Kind.INSTALL and move is not None and move.actor == actor:
            self.places[actor] = move.target
            self.move = None
            self.clean_up(ctx, move)
        self.publish(ctx, actor)
        self.make_room(ctx)

    def clean_up(self, ctx: Context, move: Move) -> None:
        """The source's copy is of no use any longer."""
        if move.source not in self.dead:
            self.give(ctx, move.source, Kind.REMOVE, move.actor)

    def publish(self, ctx: Context, actor: str) -> None:
        """Tell callers where the actor takes calls, unless that is still to be seen."""
        if self.is_settled(actor):
            for called, caller in self.callers:
                if called == actor:
                    ctx.send(caller, Redirect(actor, self.places[actor]))

    def host_died(self, ctx: Context, host: Name) -> None:
        """Give up or go on with the move; begin anew what was there."""
        self.dead.add(host)
        move = self.move
        installing = None if move is None else self.orders.get((move.target, move.actor))
        self.orders = {key: order for key, order in self.orders.items() if key[0] != host}
        if move is not None and host == move.target:
            self.move = None
            if move.source not in self.dead:
                self.give(ctx, move.source, Kind.RESUME, move.actor)
        elif move is not None and host == move.source and installing is None:
            self.move = None
        for actor, place in sorted(self.places.items()):
            if place == host and (self.move is None or self.move.actor != actor):
                self.begin_anew(ctx, actor)
        self.make_room(ctx)

    def begin_anew(self, ctx: Context, actor: str) -> None:
        """A new incarnation where there is room, without the state; otherwise the actor is dead."""
        size = dict(self.sizes)[actor]
        fitting = [host for host in self.live_hosts() if self.free(host) >= size]
        self.places[actor] = fitting[0] if fitting else ""
        if fitting:
            self.give(ctx, fitting[0], Kind.INSTALL, actor)
        self.publish(ctx, actor)
