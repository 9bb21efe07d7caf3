"""What a cluster must reach whose control state lies on chains; its claims are those of any cluster."""

from __future__ import annotations

from rayproof.model.gcs.chain import Replica
from rayproof.model.gcs.chained import ChainedStore, RowClient
from rayproof.model.kernel import StateView, sometimes


@sometimes(ChainedStore, RowClient, Replica, source="OSDI 2018 §4.2.1: the store goes on when a replica fails")
def a_request_meets_a_failed_replica(view: StateView) -> bool:
    """A replica is gone and the front end, which does not know it, waits for an answer."""
    clients = view.of(RowClient).values()
    return any(
        client.pending and any(name in view.dead for name in configuration.chain)
        for client in clients
        for configuration in (client.configuration, *client.others)
    )


@sometimes(ChainedStore, source="OSDI 2018 §4.2.1: shards are independent")
def a_request_waits_for_another(view: StateView) -> bool:
    """A request comes while another one is being carried out."""
    return any(len(store.requests) > 1 for store in view.of(ChainedStore).values())


CHAINED = (a_request_meets_a_failed_replica, a_request_waits_for_another)
"""What is checked of a cluster on chains, beside all that is checked of a cluster."""
