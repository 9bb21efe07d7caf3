"""What must hold of a replicated chain."""

from __future__ import annotations

from itertools import pairwise

from model.gcs.chain import ChainClient, ChainMaster, Replica
from model.kernel import StateView, always, audit, sometimes


@always(ChainClient, ChainMaster, Replica, source="van Renesse and Schneider 2004, §2; bug benchmark S5")
def acknowledged_writes_survive(view: StateView) -> bool:
    """An acknowledged write is held by every live replica that the master counts in."""
    client, master = view.one(ChainClient), view.one(ChainMaster)
    if client is None or master is None:
        return True
    return all(
        written in replica.history
        for name, replica in view.of(Replica).items()
        if name in master.chain
        for written in client.done
    )


@always(Replica, ChainMaster, source="van Renesse and Schneider 2004, §3: Update Propagation Invariant")
def update_propagation(view: StateView) -> bool:
    """A replica's history is a prefix of its predecessor's, along the master's chain."""
    master, replicas = view.one(ChainMaster), view.of(Replica)
    if master is None:
        return True
    chain = [replicas[name] for name in master.chain if name in replicas]
    return all(before.history[: len(after.history)] == after.history for before, after in pairwise(chain))


@audit(ChainClient, Replica, source="van Renesse and Schneider 2004, §3.1")
def every_write_is_answered(view: StateView) -> bool:
    """While a replica lives, no write stays unanswered."""
    client = view.one(ChainClient)
    return client is None or not view.of(Replica) or not (client.pending or client.todo)


@sometimes(Replica, source="van Renesse and Schneider 2004, §3.1: failure of the tail")
def a_tail_failed_with_an_update_in_flight(view: StateView) -> bool:
    """The last replica is gone while the one before it has something unacknowledged."""
    return any(
        replica.sent and replica.chain[-1] in view.dead and replica.chain[-2] == name
        for name, replica in view.of(Replica).items()
        if len(replica.chain) > 1
    )


CHAIN = (
    acknowledged_writes_survive,
    update_propagation,
    every_write_is_answered,
    a_tail_failed_with_an_update_in_flight,
)
"""Everything that is checked of a chain."""
