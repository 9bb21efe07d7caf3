"""Generic scopes of the control store, with attempts and streams beside its smaller parts."""

from __future__ import annotations

from dataclasses import replace

from rayproof.model.gcs import scenarios as gcs
from rayproof.model.gcs.clients import Get as GetKey
from rayproof.model.kernel import FaultKind, LinkRule, Scenario
from rayproof.model.lineage.attempts import TaskShape
from rayproof.model.lineage.scenarios import attempts, stream
from rayproof.model.lineage.streams import Wish
from rayproof.properties.entry import Swap
from rayproof.properties.gallery.scopes.base import side_by_side
from rayproof.properties.gallery.scopes.scheduling import nested_leases, restarted_groups
from rayproof.properties.statements import chain, pubsub, server
from rayproof.properties.statements.linearizability import linearizable
from rayproof.properties.statements.workers import ATTEMPTS, STREAMS

_CHAIN = gcs.ChainScope(
    "generic-chain",
    {"client0": gcs.puts(2), "client1": (GetKey(gcs.KEY), GetKey(gcs.KEY))},
    replicas=3,
    spares=1,
    window=2,
    asks_again=True,
    fail_stop=False,
    restarts=True,
    lossy=True,
    faults={FaultKind.CRASH: 1, FaultKind.SUSPECT: 1, FaultKind.LOSE: 1, FaultKind.EARLY_TIMEOUT: 1},
)


def chain_scope(swap: Swap, ample: bool) -> Scenario:
    """Four replicas, two clients: crash, suspicion, loss, early repeats, old and new members; beside nested tasks."""
    own = (linearizable, chain.an_extension_completes, chain.no_write_in_a_sealed_epoch)
    made = gcs.build_chain(_CHAIN, (*chain.REFINED, *own, chain.epochs_never_go_back), swap)
    # The protocol of joining needs connections; what may get lost is an update on its way between two first members.
    lossy = tuple(rule for rule in made.links if rule.sender != "replica*")
    rules = (
        LinkRule("replica0", "replica1", unreachable=False, lossy=True),
        LinkRule("replica*", "replica*", unreachable=False),
        LinkRule("replica*", unreachable=False),
    )
    made = replace(made, links=(*rules, *lossy), recoverable=frozenset({"replica2"}))
    return side_by_side("generic-chain", made, nested_leases(swap))


def tables_scope(swap: Swap, ample: bool) -> Scenario:
    """Today's GCS restarted between its writes, beside the node table that pushes its news."""
    # What rests can be audited: both parts.
    pushed = gcs.push(1, 2, (*pubsub.PUSHED, pubsub.a_subscriber_catches_up), swap, rests=True)
    restarted = gcs.restart(2, 1, 1, server.RESTARTED, swap)
    return side_by_side("generic-tables", restarted, pushed)


def news_scope(swap: Swap, ample: bool) -> Scenario:
    """A publisher that is polled, beside a stream whose generator may fail."""
    wishes = (Wish.PEEK, Wish.NEXT, Wish.NEXT, Wish.READ, Wish.READ)
    streamed = stream("stream", wishes, STREAMS, worker_crashes=2, node_crashes=1, max_retries=1, replace=swap)
    return side_by_side("generic-news", gcs.long_poll(2, 1, pubsub.POLLED, swap), streamed)


def members_scope(swap: Swap, ample: bool) -> Scenario:
    """Raylets of a GCS without storage, tasks that crash, are killed or cancelled, a group manager that restarts."""
    shapes = (TaskShape("a", 8, 5, 2), TaskShape("b", 8, 1, 3), TaskShape("c"))
    tried = attempts(
        "attempts",
        shapes,
        ATTEMPTS,
        memory=100 if ample else 10,
        workers=2,
        worker_crashes=2,
        cancels="c",
        replace=swap,
    )
    members = gcs.membership(2, False, 1, 3, server.FORGOTTEN, swap)
    return side_by_side("generic-members", members, tried, restarted_groups(swap))
