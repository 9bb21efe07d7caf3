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
    _push(1, 1, Scope.TINY),
    _push(2, 1, Scope.SMALL),
    Entry("shards-2", "gcs", Edition.PAPER, Scope.TINY, _shards),
    Entry("chains-2-2-1", "gcs", Edition.PAPER, Scope.TINY, _chained_shards),
    Entry("tables-1", "gcs", Edition.PAPER, Scope.TINY, _typed_tables),
    _flushing(1, 2, Scope.TINY),
)
"""What the paper's control store does beside a chain's work."""
