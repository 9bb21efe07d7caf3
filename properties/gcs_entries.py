"""The named scenarios of the Global Control Store."""

from __future__ import annotations

from rayproof.model.gcs import scenarios as scopes
from rayproof.model.gcs import table_scopes
from rayproof.model.gcs.scenarios import ChainScope
from rayproof.model.kernel import Scenario
from rayproof.model.kernel.statements import Statement
from rayproof.model.scheduler.hooks import Policy
from rayproof.properties.entry import Entry, Scope, Swap
from rayproof.properties.statements import chain, pubsub, server, tables, typed_tables
from rayproof.properties.statements.gcs_liveness import a_gcs_serves_some_day, extensions_complete, subscribers_catch_up
from rayproof.properties.statements.runs import CHAIN_RUNS, comes_to_rest


def _entry(chain_scope: ChainScope, scope: Scope, statements: tuple[Statement, ...]) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        return scopes.build_chain(chain_scope, statements, swap)

    return Entry(chain_scope.name, "gcs", scope, build)


def _crashes(replicas: int, writes: int, crashes: int, scope: Scope, statements: tuple[Statement, ...]) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        return scopes.chain(replicas, writes, crashes, statements, swap=swap)

    return Entry(f"chain-{replicas}-{writes}-{crashes}", "gcs", scope, build)


def _push(cuts: int, crashes: int, scope: Scope) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        return scopes.push(cuts, crashes, (*pubsub.PUSHED, subscribers_catch_up), swap)

    return Entry(f"pubsub-{cuts}-{crashes}", "gcs", scope, build)


def _long_poll(crashes: int, lost_replies: int, scope: Scope) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        runs = (subscribers_catch_up,) if scope is Scope.TINY else ()
        return scopes.long_poll(crashes, lost_replies, (*pubsub.POLLED, *runs), swap)

    return Entry(f"long-poll-{crashes}-{lost_replies}", "gcs", scope, build)


def _shards(policy: Policy | None, swap: Swap) -> Scenario:
    return scopes.shards(2, tables.SHARDED, swap)


def _flushing(budget: int, failed_writes: int, scope: Scope) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        return scopes.flushing(budget, failed_writes, tables.FLUSHED, swap)

    return Entry(f"flushing-{budget}-{failed_writes}", "gcs", scope, build)


def _restart(crashes: int, failed: int, half: int, scope: Scope) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        runs = (a_gcs_serves_some_day,) if scope is Scope.TINY else ()
        return scopes.restart(crashes, failed, half, (*server.RESTARTED, *runs), swap)

    return Entry(f"gcs-restart-{crashes}-{failed}-{half}", "gcs", scope, build)


def _membership(suffix: str, scope: Scope, statements: tuple[Statement, ...], **how: bool) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        return scopes.membership(1, statements=statements, swap=swap, **how)

    return Entry(f"gcs-membership-1{suffix}", "gcs", scope, build)


def _sync(changes: int, scope: Scope) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        return scopes.sync(2, changes, 1, server.SYNCED, swap)

    return Entry(f"gcs-sync-2-{changes}-1", "gcs", scope, build)


def _typed_tables(policy: Policy | None, swap: Swap) -> Scenario:
    return table_scopes.typed_tables(1, typed_tables.TYPED, swap)


def _chained_shards(policy: Policy | None, swap: Swap) -> Scenario:
    return table_scopes.chained_shards(statements=(*chain.CHAIN, *tables.SHARDED), swap=swap)


GCS_ENTRIES = (
    _crashes(
        3, 2, 1, Scope.TINY, (*chain.UNDER_CRASHES, chain.refines_the_atomic_register, *CHAIN_RUNS, comes_to_rest)
    ),
    _crashes(3, 3, 1, Scope.TINY, (*chain.UNDER_CRASHES, chain.refines_the_atomic_register, *CHAIN_RUNS)),
    _crashes(3, 3, 2, Scope.SMALL, chain.UNDER_CRASHES),
    _entry(scopes.READS, Scope.TINY, (*chain.READING, *CHAIN_RUNS)),
    _entry(scopes.RETRIES, Scope.TINY, (*chain.RETRYING, *CHAIN_RUNS)),
    _entry(scopes.ALONE, Scope.TINY, (*chain.REFINED, chain.an_applied_request_is_repeated, *CHAIN_RUNS)),
    _entry(scopes.STALE, Scope.TINY, (*chain.STALE, *CHAIN_RUNS)),
    _entry(scopes.EXTENSION, Scope.TINY, (*chain.EXTENDING, *CHAIN_RUNS, extensions_complete)),
    _entry(scopes.EXTENSION_CRASH, Scope.SMALL, chain.EXTENDING),
    _entry(scopes.RESTART, Scope.TINY, (*chain.RESTARTING, *CHAIN_RUNS, extensions_complete)),
    _entry(scopes.RESTART_BUSY, Scope.SMALL, chain.RESTARTING),
    _entry(scopes.SUSPICION, Scope.TINY, (*chain.SUSPECTING, *CHAIN_RUNS)),
    _entry(scopes.SEALED_CRASH, Scope.TINY, (*chain.SEALING, *CHAIN_RUNS)),
    _entry(scopes.SUSPICION_OF_THREE, Scope.SMALL, chain.SUSPECTING),
    _push(1, 1, Scope.TINY),
    _push(2, 1, Scope.SMALL),
    _long_poll(1, 1, Scope.TINY),
    _long_poll(2, 1, Scope.SMALL),
    Entry("shards-2", "gcs", Scope.TINY, _shards),
    Entry("chains-2-2-1", "gcs", Scope.TINY, _chained_shards),
    Entry("tables-1", "gcs", Scope.TINY, _typed_tables),
    _flushing(1, 2, Scope.TINY),
    _restart(1, 1, 1, Scope.TINY),
    _restart(2, 1, 1, Scope.SMALL),
    _membership("", Scope.TINY, server.MEMBERS),
    _membership("-memory", Scope.TINY, server.FORGOTTEN, has_storage=False),
    _membership("-nodes", Scope.TINY, server.MEMBERS, nodes_restart=True),
    _sync(1, Scope.TINY),
    _sync(2, Scope.SMALL),
)
"""Every scenario of this component."""
