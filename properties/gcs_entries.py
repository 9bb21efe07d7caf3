"""The named scenarios of the Global Control Store."""

from __future__ import annotations

from model.gcs import scenarios as scopes
from model.gcs.scenarios import ChainScope
from model.kernel import Scenario
from model.kernel.statements import Statement
from model.scheduler.hooks import Policy
from properties.entry import Entry, Scope, Swap
from properties.statements import chain


def _entry(chain_scope: ChainScope, scope: Scope, statements: tuple[Statement, ...]) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        return scopes.build_chain(chain_scope, statements, swap)

    return Entry(chain_scope.name, "gcs", scope, build)


def _crashes(replicas: int, writes: int, crashes: int, scope: Scope, statements: tuple[Statement, ...]) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        return scopes.chain(replicas, writes, crashes, statements, swap=swap)

    return Entry(f"chain-{replicas}-{writes}-{crashes}", "gcs", scope, build)


GCS_ENTRIES = (
    _crashes(3, 2, 1, Scope.TINY, (*chain.UNDER_CRASHES, chain.refines_the_atomic_register)),
    _crashes(3, 3, 1, Scope.TINY, (*chain.UNDER_CRASHES, chain.refines_the_atomic_register)),
    _crashes(3, 3, 2, Scope.SMALL, chain.UNDER_CRASHES),
    _entry(scopes.READS, Scope.TINY, chain.READING),
    _entry(scopes.RETRIES, Scope.TINY, chain.RETRYING),
    _entry(scopes.STALE, Scope.TINY, chain.STALE),
    _entry(scopes.EXTENSION, Scope.TINY, chain.EXTENDING),
    _entry(scopes.EXTENSION_CRASH, Scope.SMALL, chain.EXTENDING),
    _entry(scopes.RESTART, Scope.TINY, chain.RESTARTING),
    _entry(scopes.RESTART_BUSY, Scope.SMALL, chain.RESTARTING),
    _entry(scopes.SUSPICION, Scope.TINY, chain.SUSPECTING),
    _entry(scopes.SUSPICION_OF_THREE, Scope.SMALL, chain.SUSPECTING),
)
"""Every scenario of this component."""
