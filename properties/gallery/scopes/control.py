"""Generic scopes of the control store, with attempts and streams beside its smaller parts."""

from __future__ import annotations

from dataclasses import replace

from rayproof.model.gcs.chain import scenarios as chains
from rayproof.model.gcs.chain.clients import GetKey
from rayproof.model.gcs.paper.scenarios import push
from rayproof.model.gcs.ray2.scenarios import long_poll, membership, restart
from rayproof.model.kernel import FaultKind, LinkRule, Scenario
from rayproof.model.lineage.ray2.attempts import TaskShape
from rayproof.model.lineage.ray2.scenarios import attempts, stream
from rayproof.model.lineage.ray2.streams import Wish
from rayproof.model.swap import Swap
from rayproof.properties.gallery.scopes.base import side_by_side
from rayproof.properties.gallery.scopes.scheduling import nested_leases, restarted_groups
from rayproof.properties.gcs import statements as pubsub
from rayproof.properties.gcs.chain import statements as chain
from rayproof.properties.gcs.chain.linearizability import linearizable
from rayproof.properties.gcs.ray2 import statements as server
from rayproof.properties.lineage.ray2.workers.statements import ATTEMPTS, STREAMS

_CHAIN = chains.ChainScope(
    "generic-chain",
    {"client0": chains.puts(2), "client1": (GetKey(chains.KEY), GetKey(chains.KEY))},
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
    made = chains.build_chain(_CHAIN, (*chain.REFINED, *own, chain.epochs_never_go_back), swap)
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
    """Today's GCS restarted between its writes, the node table that pushes its news, a group manager that restarts."""
    # What rests can be audited: all parts.
    pushed = push(1, 2, (*pubsub.PUSHED, pubsub.a_subscriber_catches_up), swap, rests=True)
    restarted = restart(2, 1, 1, server.RESTARTED, swap)
    return side_by_side("generic-tables", restarted, pushed, restarted_groups(swap))


def news_scope(swap: Swap, ample: bool) -> Scenario:
    """A publisher that is polled, beside a stream whose generator may fail."""
    wishes = (Wish.PEEK, Wish.NEXT, Wish.NEXT, Wish.READ, Wish.READ)
    streamed = stream("stream", wishes, STREAMS, worker_crashes=2, node_crashes=1, max_retries=1, swap=swap)
    return side_by_side("generic-news", long_poll(2, 1, pubsub.POLLED, swap), streamed)


def members_scope(swap: Swap, ample: bool) -> Scenario:
    """Raylets of a GCS without storage, tasks that crash, are killed or cancelled."""
    shapes = (TaskShape("a", 8, 5, 2), TaskShape("b", 8, 1, 3), TaskShape("c"))
    tried = attempts(
        "attempts",
        shapes,
        ATTEMPTS,
        memory=100 if ample else 10,
        workers=2,
        worker_crashes=2,
        cancels="c",
        swap=swap,
    )
    members = membership(2, False, 1, 3, server.FORGOTTEN, swap)
    return side_by_side("generic-members", members, tried)
