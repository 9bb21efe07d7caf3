"""The charts of `docs/gcs.md`, made from the model: `python -m rayproof.properties.gcs.charts` writes them anew.

Each shows a shortest run to a state that a `sometimes` statement names, and on to rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from rayproof.model.gcs.chain.clients import ChainClient
from rayproof.model.gcs.chain.master import ChainMaster
from rayproof.model.gcs.chain.replica import Replica
from rayproof.model.gcs.chain.scenarios import chain
from rayproof.model.gcs.paper.tables import EVERYBODY, Table, writers_of
from rayproof.model.kernel import Scenario, Statement, StateView, sequence_chart, sometimes, to_the_goal
from rayproof.properties.catalogue import build
from rayproof.properties.gcs import statements as pubsub
from rayproof.properties.gcs.chain import statements as chains
from rayproof.properties.gcs.paper import statements as tables
from rayproof.properties.gcs.ray2 import statements as server

PAGE = Path(__file__).resolve().parents[2] / "docs" / "gcs.md"

BLOCK = re.compile(r"<!-- chart: (\w+) -->\n```mermaid\n(.*?)```\n", re.DOTALL)

COLUMNS = re.compile(r"(<!-- table: columns -->\n).*?(<!-- end -->\n)", re.DOTALL)


@sometimes(ChainClient, Replica, source="van Renesse and Schneider 2004, §3.1: failure of the head")
def a_head_failed_with_a_request_in_flight(view: StateView) -> bool:
    """The head is gone with a request that nobody else has seen."""
    client = view.one(ChainClient)
    unseen = not any(replica.history for replica in view.of(Replica).values())
    return client is not None and bool(client.pending) and "replica0" in view.dead and unseen


@sometimes(ChainClient, Replica, source="van Renesse and Schneider 2004, §3.1: up to t - 1 failures of t")
def two_failed_in_a_row(view: StateView) -> bool:
    """Middle and tail are gone while the head waits for its update to become stable."""
    client, head = view.one(ChainClient), view.of(Replica).get("replica0")
    is_waiting = client is not None and bool(client.pending) and head is not None and bool(head.sent)
    return is_waiting and {"replica1", "replica2"} <= view.dead


@sometimes(ChainMaster, Replica, source="van Renesse and Schneider 2004, §3.3: failure during an extension")
def a_tail_failed_during_an_extension(view: StateView) -> bool:
    """The tail that fills a new replica is gone before it has sent everything."""
    master, newcomer = view.one(ChainMaster), view.of(Replica).get("replica2")
    return master is not None and newcomer is not None and master.growing == "replica2" and "replica1" in view.dead


@sometimes(ChainMaster, Replica, source="van Renesse and Schneider 2004, §3.3: failure of the replica that is added")
def the_newcomer_failed(view: StateView) -> bool:
    """The replica that is being added is gone, and the master counts on it."""
    master = view.one(ChainMaster)
    return master is not None and master.growing in view.dead


@sometimes(Replica, source="OSDI 2018 §4.2.1: shards are independent", monitors=(tables.PairsRead,))
def half_a_pair_is_seen_after_a_failure(view: StateView) -> bool:
    """A reader sees one key of a pair without the other, and a replica has failed."""
    return view.monitor(tables.PairsRead).halved and bool(view.dead)


def cases() -> Iterator[tuple[Scenario, Statement]]:
    """Every chart: where it happens and what."""
    yield chain(3, 1, 1), a_head_failed_with_a_request_in_flight
    yield chain(3, 1, 1), chains.an_update_is_resent
    yield chain(3, 1, 1), chains.a_tail_failed_with_an_update_in_flight
    yield chain(3, 1, 2), two_failed_in_a_row
    yield build("chain-reads"), chains.a_client_used_an_old_configuration
    yield build("chain-retries"), chains.an_applied_request_is_repeated
    yield build("chain-extension"), chains.an_update_flows_to_a_joining_replica
    yield build("chain-extension-crash"), a_tail_failed_during_an_extension
    yield build("chain-extension-crash"), the_newcomer_failed
    yield build("chain-restart"), chains.a_replica_that_started_empty_serves
    yield build("chain-suspicion"), chains.a_live_replica_is_expelled
    yield build("pubsub-1-1"), pubsub.news_overtake_a_snapshot
    yield build("pubsub-1-1"), pubsub.a_subscription_lapses
    yield build("long-poll-1-1"), pubsub.news_wait_for_their_acknowledgement
    yield build("shards-2"), tables.half_a_pair_is_seen
    yield build("chains-2-2-1"), half_a_pair_is_seen_after_a_failure
    yield build("gcs-restart-1-1-1"), server.a_restart_falls_between_two_rows
    yield build("gcs-membership-1-memory"), server.a_raylet_is_forgotten
    yield build("gcs-sync-2-1-1"), server.a_new_gcs_counts_lower


def charts() -> dict[str, str]:
    """Mermaid text by the name of the statement that the run leads to."""
    return {goal.name: sequence_chart(scenario, to_the_goal(scenario, goal)) for scenario, goal in cases()}


def columns() -> str:
    """Every column of every table with its writers, as Markdown."""
    lines = ["| table | column | written by |", "|---|---|---|"]
    for table in Table:
        for column, writers in writers_of(table).items():
            who = "everybody" if writers == EVERYBODY else ", ".join(writers)
            lines.append(f"| {table} | `{column}` | {who} |")
    return "\n".join(lines) + "\n"


def with_charts(page: str, made: dict[str, str]) -> str:
    """A page with its charts, and its table of columns, replaced by those made now."""
    page = COLUMNS.sub(lambda block: f"{block[1]}{columns()}{block[2]}", page)
    return BLOCK.sub(lambda block: f"<!-- chart: {block[1]} -->\n```mermaid\n{made[block[1]]}```\n", page)


if __name__ == "__main__":
    PAGE.write_text(with_charts(PAGE.read_text(encoding="utf-8"), charts()), encoding="utf-8")
