"""Chain replication under crashes and nothing else: the protocol of `minicheck_chain`, as processes.

`rayproof.model.gcs.chain.replica` does more (epochs, retries, reads, extension, fencing), so only this one can be
compared state by state with a model that was written by hand for another checker.

Source: van Renesse and Schneider 2004, sections 2 and 3. Left out: queries, extension, suspicion, time-outs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise

from rayproof.model.kernel import (
    Context,
    Down,
    FaultKind,
    LinkRule,
    Message,
    Name,
    Process,
    Scenario,
    Statement,
    StateView,
    TimerKind,
    Unhandled,
    always,
    audit,
    constant,
    first,
    sometimes,
)


@dataclass(frozen=True, slots=True)
class Write(Message):
    """A client's update, for the head."""

    value: int


@dataclass(frozen=True, slots=True)
class Update(Message):
    """Forwarded down the chain, predecessor to successor."""

    value: int


@dataclass(frozen=True, slots=True)
class Stable(Message):
    """Acknowledged up the chain, successor to predecessor: the tail has it."""

    value: int


@dataclass(frozen=True, slots=True)
class Written(Message):
    """The tail's reply to the client."""

    value: int


@dataclass(frozen=True, slots=True)
class Configuration(Message):
    """The master's word on who is in the chain, head first."""

    chain: tuple[Name, ...]


@dataclass(slots=True)
class Replica(Process):
    """One replica of the shard."""

    chain: tuple[Name, ...]
    """The configuration this replica believes in, head first."""
    history: tuple[int, ...] = ()
    """Applied updates, oldest first."""
    sent: tuple[int, ...] = ()
    """Forwarded and not yet known to be stable."""
    early: tuple[int, ...] = ()
    """Writes of clients that know sooner than this replica that it is the head."""
    client: Name = constant("client")

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """The protocol of one replica."""
        match message:
            case Write(value):
                self.early = (*self.early, value)
                self.write_early(ctx)
            case Update(value):
                # Not only from the predecessor: the new one may forward before the master's word of it is here, and
                # what the dead one had sent arrives late. Both streams are in order and begin where this one lacks.
                if value not in self.history:
                    self.apply(ctx, value)
                elif self.successor(ctx) is None:
                    self.acknowledge(ctx, value)
            case Stable(value):
                self.sent = tuple(known for known in self.sent if known != value)
                self.acknowledge(ctx, value)
            case Configuration(chain):
                self.reconfigure(ctx, chain)
            case _:
                raise Unhandled(message)

    def apply(self, ctx: Context, value: int) -> None:
        """Append an update and pass it on; the tail replies instead."""
        self.history += (value,)
        successor = self.successor(ctx)
        if successor is not None:
            self.sent += (value,)
            ctx.send(successor, Update(value))
        else:
            ctx.send(self.client, Written(value))
            self.acknowledge(ctx, value)

    def write_early(self, ctx: Context) -> None:
        """As the head, begin with what clients have asked for."""
        if self.chain[0] == ctx.me:
            asked, self.early = self.early, ()
            for value in asked:
                if value not in self.history:
                    self.apply(ctx, value)

    def acknowledge(self, ctx: Context, value: int) -> None:
        """Tell the predecessor that an update is stable."""
        predecessor = self.predecessor(ctx)
        if predecessor is not None:
            ctx.send(predecessor, Stable(value))

    def reconfigure(self, ctx: Context, chain: tuple[Name, ...]) -> None:
        """Adopt a configuration; a new tail makes stable what it holds, a new successor is sent what it may lack."""
        before = self.successor(ctx)
        self.chain = chain
        successor = self.successor(ctx)
        if successor is None:
            for value in self.sent:
                ctx.send(self.client, Written(value))
                self.acknowledge(ctx, value)
            self.sent = ()
        elif successor != before:
            for value in self.sent:
                ctx.send(successor, Update(value))
        self.write_early(ctx)

    def predecessor(self, ctx: Context) -> Name | None:
        """The replica before this one."""
        position = self.chain.index(ctx.me)
        return self.chain[position - 1] if position else None

    def successor(self, ctx: Context) -> Name | None:
        """The replica after this one."""
        position = self.chain.index(ctx.me) + 1
        return self.chain[position] if position < len(self.chain) else None


@dataclass(slots=True)
class ChainMaster(Process):
    """Detects failures and tells everybody the new configuration."""

    chain: tuple[Name, ...]
    client: Name = constant("client")

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """The master hears of crashes only."""
        match message:
            case Down(name):
                self.chain = tuple(replica for replica in self.chain if replica != name)
                for replica in self.chain:
                    ctx.send(replica, Configuration(self.chain))
                ctx.send(self.client, Configuration(self.chain))
            case _:
                raise Unhandled(message)


@dataclass(slots=True)
class ChainClient(Process):
    """Writes distinct values and asks again when the head has changed."""

    chain: tuple[Name, ...]
    todo: tuple[int, ...]
    pending: tuple[int, ...] = ()
    """Asked for, not yet answered."""
    done: set[int] = field(default_factory=set)
    """Answered: these writes are acknowledged."""

    def start(self, ctx: Context) -> None:
        """Writing is the program's own progress."""
        self.go_on(ctx)

    def fire(self, ctx: Context, timer: str) -> None:
        """Ask for the next write."""
        value, *rest = self.todo
        self.todo = tuple(rest)
        self.pending += (value,)
        ctx.send(self.chain[0], Write(value))
        self.go_on(ctx)

    def go_on(self, ctx: Context) -> None:
        """Arm the next write while there is one."""
        if self.todo:
            ctx.set_timer("write", kind=TimerKind.PROGRAM)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Answers and configurations."""
        match message:
            case Written(value):
                if value in self.pending:
                    self.pending = tuple(asked for asked in self.pending if asked != value)
                    self.done.add(value)
            case Configuration(chain):
                self.chain = chain
                if chain:
                    for value in self.pending:
                        ctx.send(chain[0], Write(value))
            case _:
                raise Unhandled(message)


@always(ChainClient, ChainMaster, Replica, source="van Renesse and Schneider 2004, §2")
def acknowledged_writes_survive(view: StateView) -> str | None:
    """An acknowledged write is held by every live replica that the master counts in."""
    client, master = view.one(ChainClient), view.one(ChainMaster)
    if client is None or master is None:
        return None
    return first(
        f"{written} is acknowledged, {name} does not have it"
        for name, replica in view.of(Replica).items()
        if name in master.chain
        for written in client.done
        if written not in replica.history
    )


@always(Replica, ChainMaster, source="van Renesse and Schneider 2004, §3: Update Propagation Invariant")
def update_propagation(view: StateView) -> str | None:
    """A replica's history is a prefix of its predecessor's, along the master's chain."""
    master, replicas = view.one(ChainMaster), view.of(Replica)
    if master is None:
        return None
    chain = [(name, replicas[name].history) for name in master.chain if name in replicas]
    return first(
        f"{other} has {after}, its predecessor {one} has {before}"
        for (one, before), (other, after) in pairwise(chain)
        if before[: len(after)] != after
    )


@audit(ChainClient, Replica, source="van Renesse and Schneider 2004, §3.1")
def every_write_is_answered(view: StateView) -> str | None:
    """While a replica lives, no write stays unanswered."""
    client = view.one(ChainClient)
    if client is None or not view.of(Replica) or not (client.pending or client.todo):
        return None
    return f"the client waits for {len(client.pending)} answers and has {len(client.todo)} writes to send"


@sometimes(Replica, source="van Renesse and Schneider 2004, §3.1: failure of the tail")
def a_tail_failed_with_an_update_in_flight(view: StateView) -> str | None:
    """The tail has failed while its predecessor waits for the acknowledgement of an update."""
    return first(
        f"{replica.chain[-1]} is gone, {name} has something unacknowledged"
        for name, replica in view.of(Replica).items()
        if len(replica.chain) > 1 and replica.sent and replica.chain[-1] in view.dead and replica.chain[-2] == name
    )


PLAIN = (
    acknowledged_writes_survive,
    update_propagation,
    every_write_is_answered,
    a_tail_failed_with_an_update_in_flight,
)
"""What must hold of this chain."""


def plain_chain(replicas: int, writes: int, crashes: int, statements: tuple[Statement, ...] = ()) -> Scenario:
    """One client writes distinct values; any replica may crash but the last one left."""
    names = tuple(f"replica{i}" for i in range(replicas))
    return Scenario(
        f"plain-chain-{replicas}-{writes}-{crashes}",
        "gcs",
        {
            "master": partial(ChainMaster, names),
            "client": partial(ChainClient, names, tuple(range(1, writes + 1))),
            **dict.fromkeys(names, partial(Replica, names)),
        },
        links=(LinkRule(unreachable=False),),
        crashable=names,
        watchers=dict.fromkeys(names, ("master",)),
        faults={FaultKind.CRASH: min(crashes, replicas - 1)},
        statements=statements,
        max_incarnations=1,
    )
