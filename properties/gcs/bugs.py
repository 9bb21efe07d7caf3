"""Planted bugs of publish-subscribe."""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.gcs.followers import Record, Rows
from rayproof.model.gcs.paper.news import GetAll, NodeTable, Subscribe, Subscriber
from rayproof.model.gcs.ray2.longpoll import News, PollingSubscriber, Publisher
from rayproof.model.kernel import Context, Name
from rayproof.properties.bug import Bug


@dataclass(slots=True)
class BelievesOldSnapshots(Subscriber):
    """A snapshot replaces what news have said meanwhile."""

    def take_snapshot(self, rows: Rows) -> None:
        self.snapshot = rows
        self.view = dict(rows)


@dataclass(slots=True)
class AsksBeforeItSubscribes(Subscriber):
    """What happens between the snapshot and the subscription is missed."""

    def subscribe(self, ctx: Context) -> None:
        self.begin()
        self.heard = 0
        self.subscription += 1
        ctx.send(self.table, GetAll(self.subscription))
        ctx.send(self.table, Subscribe(self.subscription))
        self.arm(ctx)


@dataclass(slots=True)
class BelievesTheConnection(Subscriber):
    """News are taken in whatever was missed before them."""

    def hear(self, ctx: Context, number: int, key: str, record: Record) -> None:
        Subscriber.hear(self, ctx, self.heard + 1, key, record)


@dataclass(slots=True)
class NeverSaysLapsed(NodeTable):
    """A subscriber that asks is told that all is well."""

    def stands(self, subscriber: Name, subscription: int) -> bool:
        return True


@dataclass(slots=True)
class RepliesEmptyTheMailbox(Publisher):
    """A mailbox is emptied when its content is sent."""

    def answer(self, ctx: Context, subscriber: Name) -> None:
        answered = subscriber in self.waiting and self.mailboxes[subscriber]
        Publisher.answer(self, ctx, subscriber)
        if answered:
            self.mailboxes[subscriber] = ()


@dataclass(slots=True)
class ComparesAcrossPublishers(PollingSubscriber):
    """The highest sequence number processed is kept when the publisher changes."""

    highest: int = 0
    """Of all publishers so far."""

    def begin(self) -> None:
        PollingSubscriber.begin(self)
        self.highest = max(self.highest, self.processed)

    def process(self, ctx: Context, publisher: Name, news: tuple[News, ...]) -> None:
        self.processed = max(self.processed, self.highest)
        PollingSubscriber.process(self, ctx, publisher, news)


@dataclass(slots=True)
class NewestFirst(Publisher):
    """A batch begins with the newest piece of news."""

    def answer(self, ctx: Context, subscriber: Name) -> None:
        held = self.mailboxes[subscriber]
        contents = [(key, record) for _, key, record in held]
        self.mailboxes[subscriber] = tuple(
            (number, *content) for (number, *_), content in zip(held, reversed(contents), strict=True)
        )
        Publisher.answer(self, ctx, subscriber)
        self.mailboxes[subscriber] = held


PUBSUB_BUGS = (
    Bug(
        "believes_old_snapshots",
        "A snapshot that news have overtaken brings a dead node back.",
        {Subscriber: BelievesOldSnapshots},
        "dead_is_final",
        "pubsub-1-1",
        "Ray #11423",
        ("subscribers_catch_up",),
    ),
    Bug(
        "asks_before_it_subscribes",
        "What happens between the snapshot and the subscription is missed.",
        {Subscriber: AsksBeforeItSubscribes},
        "snapshot_plus_every_update",
        "pubsub-1-1",
        "OSDI 2018 §4.2.1",
        ("subscribers_catch_up",),
    ),
    Bug(
        "believes_the_connection",
        "News that were lost with a connection are not missed.",
        {Subscriber: BelievesTheConnection},
        "snapshot_plus_every_update",
        "pubsub-1-1",
        "OSDI 2018 §4.2.1",
    ),
    Bug(
        "never_says_lapsed",
        "A subscription that is forgotten is never made again.",
        {NodeTable: NeverSaysLapsed},
        "subscribers_catch_up",
        "pubsub-1-1",
        "OSDI 2018 §4.2.1",
    ),
    Bug(
        "replies_empty_the_mailbox",
        "News are dropped when they are sent, not when they are acknowledged.",
        {Publisher: RepliesEmptyTheMailbox},
        "a_subscriber_catches_up",
        "long-poll-1-1",
        "Ray #20276",
        ("snapshot_plus_every_update", "subscribers_catch_up"),
    ),
    Bug(
        "compares_across_publishers",
        "News of a restarted publisher are taken for old.",
        {PollingSubscriber: ComparesAcrossPublishers},
        "a_subscriber_catches_up",
        "long-poll-1-1",
        "Ray #21638",
        ("subscribers_catch_up",),
    ),
    Bug(
        "newest_first",
        "A batch begins with the newest piece of news.",
        {Publisher: NewestFirst},
        "updates_in_order_per_publisher",
        "long-poll-1-1",
        "Ray 2.60 publisher.cc",
        ("a_subscriber_catches_up", "snapshot_plus_every_update", "subscribers_catch_up"),
    ),
)
"""The planted bugs of publish-subscribe."""
