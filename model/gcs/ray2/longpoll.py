"""Publish-subscribe as today's GCS does it: subscribers poll, and the publisher answers when there is something.

Source: Ray 2.60 `src/ray/pubsub/publisher.cc::SubscriberState` and `subscriber.cc::HandleLongPollingResponse`. A poll
names the publisher that the subscriber knows and the highest sequence number that it has processed; the mailbox drops
what is acknowledged in this way and nothing else (#20276). A restarted publisher has another id and counts from the
start again, so numbers of the old one mean nothing to it (#21638 is the same mistake in the resource sync).

Left out: the bound on a mailbox and what is dropped there; polls that time out while there is nothing to tell.
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
    TimerKind,
    Unhandled,
    Unreachable,
    constant,
    durable,
)

News = tuple[int, str, Record]
"""Sequence number, key, record."""


@dataclass(frozen=True, slots=True)
class Poll(Message):
    """Give me what comes after this sequence number of that publisher."""

    publisher: Name
    processed: int


@dataclass(frozen=True, slots=True)
class Batch(Message):
    """The answer to a poll."""

    publisher: Name
    news: tuple[News, ...]


@dataclass(frozen=True, slots=True)
class Register(Message):
    """Make a mailbox for me and tell me all there is."""


@dataclass(frozen=True, slots=True)
class Registered(Message):
    """All there was when the mailbox was made."""

    publisher: Name
    rows: Rows


@dataclass(slots=True)
class Publisher(Process):
    """The publishing side of the GCS."""

    rows: dict[str, Record] = durable(default_factory=dict)
    """Node -> record, written through to storage."""
    sequence: int = 0
    """Number of the last piece of news of this incarnation."""
    mailboxes: dict[Name, tuple[News, ...]] = field(default_factory=dict)
    """Subscriber -> news that it has not acknowledged."""
    waiting: set[Name] = field(default_factory=set)
    """Subscribers whose poll has not been answered."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Updates, registrations and polls."""
        match message:
            case Publish(key, state):
                self.publish(ctx, key, state)
            case Register():
                # Who registers twice has not acknowledged what came in between.
                self.mailboxes.setdefault(sender, ())
                ctx.send(sender, Registered(ctx.me, tuple(sorted(self.rows.items()))))
            case Poll(publisher, processed):
                if sender not in self.mailboxes:
                    ctx.send(sender, Batch(ctx.me, ()))
                    return
                self.acknowledge(sender, processed if publisher == ctx.me else 0)
                self.waiting.add(sender)
                self.answer(ctx, sender)
            case Unreachable():
                pass
            case _:
                raise Unhandled(message)

    def publish(self, ctx: Context, key: str, state: NodeState) -> None:
        """Store an update and put it into every mailbox."""
        known = self.rows.get(key)
        if known is not None and known.state is NodeState.DEAD:
            return
        record = Record(known.version + 1 if known else 1, state)
        self.rows[key] = record
        self.sequence += 1
        for subscriber in sorted(self.mailboxes):
            self.mailboxes[subscriber] += ((self.sequence, key, record),)
            self.answer(ctx, subscriber)

    def acknowledge(self, subscriber: Name, processed: int) -> None:
        """Drop what the subscriber has processed."""
        self.mailboxes[subscriber] = tuple(news for news in self.mailboxes[subscriber] if news[0] > processed)

    def answer(self, ctx: Context, subscriber: Name) -> None:
        """Answer a waiting poll when there is something; it stays in the mailbox until it is acknowledged."""
        if subscriber in self.waiting and self.mailboxes[subscriber]:
            self.waiting.discard(subscriber)
            ctx.send(subscriber, Batch(ctx.me, self.mailboxes[subscriber]))


@dataclass(slots=True)
class PollingSubscriber(Follower):
    """Registers, then polls for ever; a lost answer or a new publisher makes it begin again where it has to."""

    publisher: Name = ""
    """The publisher it has registered with."""
    processed: int = 0
    """Highest sequence number of that publisher it has taken in."""
    address: Name = constant("gcs")

    def start(self, ctx: Context) -> None:
        """Register for the first time."""
        ctx.send(self.address, Register())

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Answers, and word that one will not come."""
        match message:
            case Registered(publisher, rows):
                if publisher != self.publisher:
                    self.begin()
                    self.publisher, self.processed = publisher, 0
                    self.take_snapshot(rows)
                    self.poll(ctx)
            case Batch(publisher, news):
                self.process(ctx, publisher, news)
            case Unreachable(_, Batch()):
                self.poll(ctx)
            case Down() | Unreachable():
                self.register_again(ctx)
            case _:
                raise Unhandled(message)

    def process(self, ctx: Context, publisher: Name, news: tuple[News, ...]) -> None:
        """Take in what is new and poll again; the answer of a publisher it does not know means: register there."""
        if publisher != self.publisher:
            self.register_again(ctx)
            return
        for number, key, record in news:
            if number > self.processed:
                self.processed = number
                self.take_update(key, record)
        self.poll(ctx)

    def poll(self, ctx: Context) -> None:
        """Ask for what comes next; this also says what has arrived."""
        ctx.send(self.address, Poll(self.publisher, self.processed))

    def register_again(self, ctx: Context) -> None:
        """Try to register until somebody answers."""
        ctx.set_timer("register", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        """Begin again with the publisher that is there now."""
        ctx.send(self.address, Register())
