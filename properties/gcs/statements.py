"""What must hold of publish-subscribe, pushed or polled."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from rayproof.model.gcs.followers import Follower, NodeState, Record
from rayproof.model.gcs.paper.news import NodeTable
from rayproof.model.gcs.ray2.longpoll import PollingSubscriber, Publisher
from rayproof.model.kernel import Name, StateView, Taken, always, audit, first, leads_to, sometimes, step


@always(Follower, each=True, source="OSDI 2018 §4.2.1; Ray #20276")
def snapshot_plus_every_update(follower: Follower) -> str | None:
    """Together, its snapshot and the news give a subscriber every version of a key without a gap."""
    if follower.snapshot is None:
        return None
    had = {key: record.version for key, record in follower.snapshot}
    return first(
        f"{key}: the snapshot has version {had.get(key, 0)}, then it is told {told}"
        for key, told in follower.told.items()
        if min(told) > had.get(key, 0) + 1 or not set(range(min(told), max(told) + 1)) <= set(told)
    )


@always(Follower, each=True, source="Ray 2.60 publisher.cc: one sequence per publisher")
def updates_in_order_per_publisher(follower: Follower) -> str | None:
    """A subscription is told of the versions of a key in their order."""
    return first(
        f"{key}: version {after} comes after {before}"
        for key, told in follower.told.items()
        for before, after in pairwise(told)
        if before >= after
    )


@step(Follower, source="Ray #11423: dead node ids never return")
def dead_is_final(before: StateView, taken: Taken, after: StateView) -> str | None:
    """Whoever has learned that a node is dead never considers it alive again."""
    return first(
        f"{name} takes {key} for {record.state} again"
        for name, follower in after.of(Follower).items()
        if (earlier := before.of(Follower).get(name)) is not None
        for key, record in follower.view.items()
        if key in earlier.view and earlier.view[key].state is NodeState.DEAD and record.state is not NodeState.DEAD
    )


def _differing(one: Mapping[Name, Record], other: Mapping[Name, Record]) -> list[Name]:
    return [key for key in sorted({*one, *other}) if one.get(key) != other.get(key)]


@audit(NodeTable, Publisher, Follower, source="OSDI 2018 §4.2.1; bug benchmark S9")
def a_subscriber_catches_up(view: StateView) -> str | None:
    """At rest, every subscriber's copy equals the table."""
    tables = {name: table.rows for name, table in view.of(NodeTable).items()}
    tables |= {name: publisher.rows for name, publisher in view.of(Publisher).items()}
    return first(
        f"{name} differs from {table} in {', '.join(_differing(follower.view, rows))}"
        for table, rows in tables.items()
        for name, follower in view.of(Follower).items()
        if follower.view != rows
    )


@sometimes(Follower, source="Ray #11423")
def news_overtake_a_snapshot(view: StateView) -> str | None:
    """A subscription has been told something and still waits for its snapshot."""
    return first(
        f"{name} is told before its snapshot"
        for name, follower in view.of(Follower).items()
        if follower.told and follower.snapshot is None
    )


@sometimes(NodeTable, Follower, source="bug benchmark S9")
def a_subscription_lapses(view: StateView) -> str | None:
    """The table does not know a subscriber that believes it is subscribed."""
    return first(
        f"{name} is forgotten by {by}"
        for by, table in view.of(NodeTable).items()
        for name, follower in view.of(Follower).items()
        if follower.snapshot is not None and name not in table.subscriptions
    )


@sometimes(Publisher, PollingSubscriber, source="Ray #20276")
def news_wait_for_their_acknowledgement(view: StateView) -> str | None:
    """A mailbox holds news that the subscriber has taken in already."""
    return first(
        f"{name} has taken in number {number}"
        for publisher in view.of(Publisher).values()
        for name, follower in view.of(PollingSubscriber).items()
        for number, *_ in publisher.mailboxes.get(name, ())
        if number <= follower.processed
    )


@sometimes(PollingSubscriber, source="Ray 2.60 publisher id")
def a_subscriber_changes_its_publisher(view: StateView) -> str | None:
    """A subscriber has registered with a publisher that was restarted."""
    return first(
        f"{name} is with {subscriber.publisher}"
        for name, subscriber in view.of(PollingSubscriber).items()
        if "#" in subscriber.publisher
    )


FOLLOWING = (snapshot_plus_every_update, updates_in_order_per_publisher, dead_is_final)


PUSHED = (*FOLLOWING, news_overtake_a_snapshot, a_subscription_lapses)
"""What is checked where the table pushes; the subscriber checks for ever, so that nothing is an audit."""


POLLED = (*FOLLOWING, a_subscriber_catches_up, news_wait_for_their_acknowledgement, a_subscriber_changes_its_publisher)
"""What is checked where subscribers poll."""


@leads_to(
    NodeTable,
    Publisher,
    Follower,
    then=a_subscriber_catches_up.check,
    source="OSDI 2018 §4.2.1; bug benchmark S9",
)
def subscribers_catch_up(view: StateView) -> object:
    """A subscriber whose copy differs from the table catches up later."""
    return a_subscriber_catches_up.check(view)
