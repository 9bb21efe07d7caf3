"""The chain protocol of `model.gcs.chain` as a model for minicheck, message for message.

minicheck keeps a global state as one value and calls an action on it; here a state is a tuple of (chain, history, sent,
early) per replica, the client, the master, the links and the crashes. The counts agree with explore's, which is how the
two are known to be the same protocol.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple


class Replica(NamedTuple):
    alive: bool
    chain: tuple[int, ...]
    history: tuple[int, ...]
    sent: tuple[int, ...]
    early: tuple[int, ...]


class World(NamedTuple):
    replicas: tuple[Replica, ...]
    master: tuple[int, ...]
    client: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    """(chain, todo, pending, done)"""
    links: tuple[tuple[tuple[Any, Any], tuple[Any, ...]], ...]
    """((from, to), messages), sorted; "m" is the master, "c" the client, ("down", i) a failure detector."""
    crashes: int


def initial(replicas: int, writes: int, crashes: int) -> World:
    """Everybody alive, nothing written."""
    chain = tuple(range(replicas))
    return World(
        tuple(Replica(True, chain, (), (), ()) for _ in chain),
        chain,
        (chain, tuple(range(1, writes + 1)), (), ()),
        (),
        min(crashes, replicas - 1),
    )


def send(world: World, sender: Any, to: Any, message: Any) -> World:
    """Put a message on a link; what is sent to the dead vanishes."""
    if isinstance(to, int) and not world.replicas[to].alive:
        return world
    links = dict(world.links)
    links[sender, to] = (*links.get((sender, to), ()), message)
    return world._replace(links=ordered(links))


def ordered(links: dict[tuple[Any, Any], tuple[Any, ...]]) -> tuple[tuple[tuple[Any, Any], tuple[Any, ...]], ...]:
    """Links in a fixed order, so that equal worlds are equal values."""
    return tuple(sorted(links.items(), key=str))


def successors(world: World) -> Iterator[World]:
    """Every step."""
    for (sender, to), queue in world.links:
        rest = dict(world.links)
        if queue[1:]:
            rest[sender, to] = queue[1:]
        else:
            del rest[sender, to]
        yield receive(world._replace(links=ordered(rest)), sender, to, queue[0])
    chain, todo, pending, done = world.client
    if todo:
        written = world._replace(client=(chain, todo[1:], (*pending, todo[0]), done))
        yield send(written, "c", chain[0], ("write", todo[0]))
    if world.crashes:
        for i, replica in enumerate(world.replicas):
            if replica.alive:
                yield crash(world, i)


def crash(world: World, i: int) -> World:
    """A replica dies, with what travels to it; the master will hear of it."""
    replicas = list(world.replicas)
    replicas[i] = Replica(False, (), (), (), ())
    links = tuple((link, queue) for link, queue in world.links if link[1] != i)
    return send(world._replace(replicas=tuple(replicas), links=links, crashes=world.crashes - 1), ("down", i), "m", i)


def receive(world: World, sender: Any, to: Any, message: Any) -> World:
    """Deliver one message."""
    if to == "m":
        chain = tuple(i for i in world.master if i != message)
        world = world._replace(master=chain)
        for i in chain:
            world = send(world, "m", i, ("configuration", chain))
        return send(world, "m", "c", ("configuration", chain))
    if to == "c":
        return client_receives(world, message)
    kind, value = message
    me = world.replicas[to]
    if kind == "write":
        return write_early(put(world, to, me._replace(early=(*me.early, value))), to)
    if kind == "update":
        if value not in me.history:
            return apply(world, to, value)
        return acknowledge(world, to, value) if successor(me, to) is None else world
    if kind == "stable":
        world = put(world, to, me._replace(sent=tuple(v for v in me.sent if v != value)))
        return acknowledge(world, to, value)
    return reconfigure(world, to, value)


def client_receives(world: World, message: Any) -> World:
    """Answers and configurations."""
    chain, todo, pending, done = world.client
    kind, value = message
    if kind == "written":
        if value in pending:
            pending = tuple(v for v in pending if v != value)
            done = tuple(sorted({*done, value}))
        return world._replace(client=(chain, todo, pending, done))
    world = world._replace(client=(value, todo, pending, done))
    for asked in pending if value else ():
        world = send(world, "c", value[0], ("write", asked))
    return world


def put(world: World, i: int, replica: Replica) -> World:
    """The world with another replica i."""
    replicas = list(world.replicas)
    replicas[i] = replica
    return world._replace(replicas=tuple(replicas))


def successor(replica: Replica, i: int) -> int | None:
    """The next in the chain."""
    position = replica.chain.index(i) + 1
    return replica.chain[position] if position < len(replica.chain) else None


def apply(world: World, i: int, value: int) -> World:
    """Append and pass on."""
    me = world.replicas[i]
    following = successor(me, i)
    me = me._replace(history=(*me.history, value))
    if following is None:
        return acknowledge(send(put(world, i, me), i, "c", ("written", value)), i, value)
    return send(put(world, i, me._replace(sent=(*me.sent, value))), i, following, ("update", value))


def acknowledge(world: World, i: int, value: int) -> World:
    """Tell the predecessor."""
    chain = world.replicas[i].chain
    position = chain.index(i)
    return send(world, i, chain[position - 1], ("stable", value)) if position else world


def write_early(world: World, i: int) -> World:
    """Begin with what clients have asked for, as the head."""
    me = world.replicas[i]
    if me.chain[0] != i:
        return world
    world = put(world, i, me._replace(early=()))
    for value in me.early:
        if value not in world.replicas[i].history:
            world = apply(world, i, value)
    return world


def reconfigure(world: World, i: int, chain: tuple[int, ...]) -> World:
    """Adopt a configuration."""
    me = world.replicas[i]
    before = successor(me, i)
    me = me._replace(chain=chain)
    world = put(world, i, me)
    following = successor(me, i)
    if following is None:
        for value in me.sent:
            world = acknowledge(send(world, i, "c", ("written", value)), i, value)
        world = put(world, i, world.replicas[i]._replace(sent=()))
    elif following != before:
        for value in me.sent:
            world = send(world, i, following, ("update", value))
    return write_early(world, i)
