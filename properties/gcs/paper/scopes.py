"""The named scenarios of the paper's control store: news, shards, typed tables, flushing."""

from __future__ import annotations

from rayproof.model.gcs.paper import scenarios as scopes
from rayproof.model.kernel import Scenario
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.swap import Swap
from rayproof.properties.entry import Edition, Entry, Scope
from rayproof.properties.gcs import statements as pubsub
from rayproof.properties.gcs.chain import statements as chain
from rayproof.properties.gcs.paper import statements as tables
from rayproof.properties.gcs.statements import subscribers_catch_up


def _push(cuts: int, crashes: int, scope: Scope) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        return scopes.push(cuts, crashes, (*pubsub.PUSHED, subscribers_catch_up), swap)

    return Entry(f"pubsub-{cuts}-{crashes}", "gcs", Edition.PAPER, scope, build)


def _shards(policy: Policy | None, swap: Swap) -> Scenario:
    return scopes.shards(2, tables.SHARDED, swap)


def _flushing(budget: int, failed_writes: int, scope: Scope) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        return scopes.flushing(budget, failed_writes, tables.FLUSHED, swap)

    return Entry(f"flushing-{budget}-{failed_writes}", "gcs", Edition.PAPER, scope, build)


def _typed_tables(policy: Policy | None, swap: Swap) -> Scenario:
    return scopes.typed_tables(1, tables.TYPED, swap)


def _chained_shards(policy: Policy | None, swap: Swap) -> Scenario:
    return scopes.chained_shards(statements=(*chain.CHAIN, *tables.SHARDED), swap=swap)


STORE_ENTRIES = (
    _push(1, 1, Scope.TINY).sized(8_172, 25_251, 23),
    _push(2, 1, Scope.SMALL).sized(14_665, 46_374, 28),
    Entry("shards-2", "gcs", Edition.PAPER, Scope.TINY, _shards).sized(129, 214, 12),
    Entry("chains-2-2-1", "gcs", Edition.PAPER, Scope.TINY, _chained_shards).sized(60_757, 258_668, 23),
    Entry("tables-1", "gcs", Edition.PAPER, Scope.TINY, _typed_tables).sized(22_392, 94_602, 32),
    _flushing(1, 2, Scope.TINY).sized(279, 557, 23),
)
"""What the paper's control store does beside a chain's work."""
