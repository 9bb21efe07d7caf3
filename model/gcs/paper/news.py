"""Publish-subscribe as the paper's control store does it: the table pushes each update to its subscribers.

Source: OSDI 2018, section 4.2.1; the order of subscribing first and asking for everything second, and the two
connections that may overtake each other, are those of Ray (`gcs_client/accessor.cc::NodeInfoAccessor`, #11423).

A subscription has a number and counts its news; a subscriber that misses one subscribes again. A table that cannot
reach its subscriber, or that was restarted, forgets the subscription, and the subscriber finds out when it checks. Rows
survive a restart: they live in the replicated store.

Left out: the store below (see `gcs.chain`); a bound on what waits for a slow subscriber (see `gcs.longpoll`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.gcs.followers import Follower, NodeState, Publish, Record, Rows
from rayproof.model.kernel import (
    Context,
    Down,
    Message,
    Name,
    Process,
    Unhandled,
    Unreachable,
    constant,
    durable,
)

PUSH = "push"
"""Channel of the news; answers travel apart from it."""


@dataclass(frozen=True, slots=True)
class Subscribe(Message):
    """Tell me of every update from now on."""

    subscription: int


@dataclass(frozen=True, slots=True)
class GetAll(Message):
    """Tell me all there is."""

    subscription: int


@dataclass(frozen=True, slots=True)
class Check(Message):
    """Does my subscription still stand?"""

    subscription: int


@dataclass(frozen=True, slots=True)
class Notice(Message):
    """One update."""

    subscription: int
    number: int
    """The first of a subscription is 1."""
    key: str
    record: Record


@dataclass(frozen=True, slots=True)
class Snapshot(Message):
    """All there is."""

    subscription: int
    rows: Rows


@dataclass(frozen=True, slots=True)
class Lapsed(Message):
    """The subscription does not stand any more."""

    subscription: int


@dataclass(slots=True)
class NodeTable(Process):
    """The table of nodes with its subscriptions."""

    rows: dict[str, Record] = durable(default_factory=dict)
    """Node -> record; a dead node stays dead."""
    subscriptions: dict[Name, tuple[int, int]] = field(default_factory=dict)
    """Subscriber -> number of its subscription, and how many news it was sent."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Updates, subscriptions, and news that did not arrive."""
        match message:
            case Publish(key, state):
                self.publish(ctx, key, state)
            case Subscribe(subscription):
                self.subscriptions[sender] = (subscription, 0)
            case GetAll(subscription):
                ctx.send(sender, Snapshot(subscription, tuple(sorted(self.rows.items()))))
            case Check(subscription):
                if not self.stands(sender, subscription):
                    ctx.send(sender, Lapsed(subscription))
            case Unreachable(to, Notice(subscription)):
                if self.stands(to, subscription):
                    self.subscriptions.pop(to, None)
            case Unreachable():
                pass
            case _:
                raise Unhandled(message)

    def publish(self, ctx: Context, key: str, state: NodeState) -> None:
        """Store an update and push it to all who have subscribed."""
        known = self.rows.get(key)
        if known is not None and known.state is NodeState.DEAD:
            return
        record = Record(known.version + 1 if known else 1, state)
        self.rows[key] = record
        for subscriber in sorted(self.subscriptions):
            subscription, sent = self.subscriptions[subscriber]
            self.subscriptions[subscriber] = (subscription, sent + 1)
            ctx.send(subscriber, Notice(subscription, sent + 1, key, record), PUSH)

    def stands(self, subscriber: Name, subscription: int) -> bool:
        """Whether a subscription is known here."""
        return self.subscriptions.get(subscriber, (0, 0))[0] == subscription


@dataclass(slots=True)
class Subscriber(Follower):
    """Subscribes, asks for everything, and starts again when its subscription has lapsed."""

    subscription: int = 0
    heard: int = 0
    """Number of the last news of the present subscription."""
    checked: int = 0
    """How many checks are used up, where they are bounded."""
    table: Name = constant("table")
    checks: int | None = constant(None)
    """How often it checks; None: as long as it lives."""

    def start(self, ctx: Context) -> None:
        """Subscribe for the first time."""
        self.subscribe(ctx)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """News, answers, and word of a broken connection."""
        match message:
            case Notice(subscription, number, key, record):
                if subscription == self.subscription:
                    self.hear(ctx, number, key, record)
            case Snapshot(subscription, rows):
                if subscription == self.subscription:
                    self.take_snapshot(rows)
            case Lapsed(subscription):
                if subscription == self.subscription:
                    self.subscribe(ctx)
            case Down() | Unreachable():
                self.arm(ctx)
            case _:
                raise Unhandled(message)

    def hear(self, ctx: Context, number: int, key: str, record: Record) -> None:
        """Take in the next news; when some are missing, begin again."""
        if number == self.heard + 1:
            self.heard = number
            self.take_update(key, record)
        else:
            self.subscribe(ctx)

    def subscribe(self, ctx: Context) -> None:
        """First subscribe, then ask for everything: nothing can fall between the two."""
        self.begin()
        self.heard = 0
        self.subscription += 1
        ctx.send(self.table, Subscribe(self.subscription))
        ctx.send(self.table, GetAll(self.subscription))
        self.arm(ctx)

    def arm(self, ctx: Context) -> None:
        """Check after a while, and again and again, unless that is bounded."""
        if self.checks is None or self.checked < self.checks:
            ctx.set_timer("check")

    def fire(self, ctx: Context, timer: str) -> None:
        """Ask whether the subscription stands; without a snapshot there is nothing to ask about."""
        if self.checks is not None:
            self.checked += 1
        if self.snapshot is None:
            self.subscribe(ctx)
        else:
            ctx.send(self.table, Check(self.subscription))
            self.arm(ctx)
