"""What must hold of publish-subscribe, pushed or polled."""

from __future__ import annotations

from itertools import pairwise

from rayproof.model.gcs.followers import Follower, NodeState
from rayproof.model.gcs.paper.news import NodeTable
from rayproof.model.gcs.ray2.longpoll import PollingSubscriber, Publisher
from rayproof.model.kernel import StateView, Taken, always, audit, leads_to, sometimes, step


@always(Follower, each=True, source="OSDI 2018 §4.2.1; Ray #20276")
def snapshot_plus_every_update(follower: Follower) -> bool:
    """What a subscription was told of a key begins where its snapshot ends, or before, and leaves nothing out."""
    if follower.snapshot is None:
        return True
    had = {key: record.version for key, record in follower.snapshot}
    return all(
        min(told) <= had.get(key, 0) + 1 and set(range(min(told), max(told) + 1)) <= set(told)
        for key, told in follower.told.items()
    )


@always(Follower, each=True, source="Ray 2.60 publisher.cc: one sequence per publisher")
def updates_in_order_per_publisher(follower: Follower) -> bool:
    """A subscription is told of the versions of a key in their order."""
    return all(before < after for told in follower.told.values() for before, after in pairwise(told))


@step(Follower, source="Ray #11423: dead node ids never return")
def dead_is_final(before: StateView, taken: Taken, after: StateView) -> bool:
    """Who knows that a node is dead never takes it for alive again."""
    return all(
        after_record.state is NodeState.DEAD
        for name, follower in after.of(Follower).items()
        if (earlier := before.of(Follower).get(name)) is not None
        for key, after_record in follower.view.items()
        if key in earlier.view and earlier.view[key].state is NodeState.DEAD
    )


@audit(NodeTable, Publisher, Follower, source="OSDI 2018 §4.2.1; bug benchmark S9")
def a_subscriber_catches_up(view: StateView) -> bool:
    """When all is quiet, every subscriber's copy is the table."""
    tables = [table.rows for table in view.of(NodeTable).values()]
    tables += [publisher.rows for publisher in view.of(Publisher).values()]
    return all(follower.view == rows for rows in tables for follower in view.of(Follower).values())


@sometimes(Follower, source="Ray #11423")
def news_overtake_a_snapshot(view: StateView) -> bool:
    """A subscription has been told something and still waits for its snapshot."""
    return any(follower.told and follower.snapshot is None for follower in view.of(Follower).values())


@sometimes(NodeTable, Follower, source="bug benchmark S9")
def a_subscription_lapses(view: StateView) -> bool:
    """The table has forgotten a subscriber that believes to be subscribed."""
    return any(
        follower.snapshot is not None and name not in table.subscriptions
        for table in view.of(NodeTable).values()
        for name, follower in view.of(Follower).items()
    )


@sometimes(Publisher, PollingSubscriber, source="Ray #20276")
def news_wait_for_their_acknowledgement(view: StateView) -> bool:
    """A mailbox holds news that the subscriber has taken in already."""
    return any(
        any(number <= follower.processed for number, *_ in publisher.mailboxes.get(name, ()))
        for publisher in view.of(Publisher).values()
        for name, follower in view.of(PollingSubscriber).items()
    )


@sometimes(PollingSubscriber, source="Ray 2.60 publisher id")
def a_subscriber_changes_its_publisher(view: StateView) -> bool:
    """A subscriber has registered with a publisher that was restarted."""
    return any("#" in follower.publisher for follower in view.of(PollingSubscriber).values())


FOLLOWING = (snapshot_plus_every_update, updates_in_order_per_publisher, dead_is_final)


PUSHED = (*FOLLOWING, news_overtake_a_snapshot, a_subscription_lapses)
"""What is checked where the table pushes; the subscriber checks for ever, so that nothing is an audit."""


POLLED = (*FOLLOWING, a_subscriber_catches_up, news_wait_for_their_acknowledgement, a_subscriber_changes_its_publisher)
"""What is checked where subscribers poll."""


def _everybody_is_up_to_date(view: StateView) -> bool:
    return bool(a_subscriber_catches_up.check(view))


@leads_to(
    NodeTable,
    Publisher,
    Follower,
    then=_everybody_is_up_to_date,
    source="OSDI 2018 §4.2.1; bug benchmark S9",
)
def subscribers_catch_up(view: StateView) -> bool:
    """A subscriber whose copy is not the table has the table later."""
    return not a_subscriber_catches_up.check(view)
