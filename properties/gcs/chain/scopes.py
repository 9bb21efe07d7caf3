"""The named scenarios of the chain."""

from __future__ import annotations

from rayproof.model.gcs.chain import scenarios as scopes
from rayproof.model.gcs.chain.scenarios import ChainScope
from rayproof.model.kernel import Scenario, Statement
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.swap import Swap
from rayproof.properties.entry import Edition, Entry, Scope
from rayproof.properties.gcs.chain import statements as chain
from rayproof.properties.gcs.chain.statements import CHAIN_RUNS, extensions_complete
from rayproof.properties.twins import comes_to_rest


def _entry(chain_scope: ChainScope, scope: Scope, statements: tuple[Statement, ...]) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        return scopes.build_chain(chain_scope, statements, swap)

    return Entry(chain_scope.name, "gcs", Edition.PAPER, scope, build)


def _crashes(replicas: int, writes: int, crashes: int, scope: Scope, statements: tuple[Statement, ...]) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        return scopes.chain(replicas, writes, crashes, statements, swap=swap)

    return Entry(f"chain-{replicas}-{writes}-{crashes}", "gcs", Edition.PAPER, scope, build)


CHAIN_ENTRIES = (
    _crashes(
        3, 2, 1, Scope.TINY, (*chain.UNDER_CRASHES, chain.refines_the_atomic_register, *CHAIN_RUNS, comes_to_rest)
    ).sized(13_022, 48_062, 26),
    _crashes(3, 3, 1, Scope.TINY, (*chain.UNDER_CRASHES, chain.refines_the_atomic_register, *CHAIN_RUNS)).sized(
        124_541, 536_257, 36
    ),
    _crashes(3, 3, 2, Scope.SMALL, chain.UNDER_CRASHES).sized(1_546_045, 6_835_762, 43),
    _entry(scopes.READS, Scope.TINY, (*chain.READING, *CHAIN_RUNS)).sized(46_433, 189_416, 23),
    _entry(scopes.RETRIES, Scope.TINY, (*chain.RETRYING, *CHAIN_RUNS)).sized(1_505, 4_318, 18),
    _entry(scopes.ALONE, Scope.TINY, (*chain.REFINED, chain.an_applied_request_is_repeated, *CHAIN_RUNS)).sized(
        205, 460, 11
    ),
    _entry(scopes.STALE, Scope.TINY, (*chain.STALE, *CHAIN_RUNS)).sized(1_484, 3_789, 19),
    _entry(scopes.EXTENSION, Scope.TINY, (*chain.EXTENDING, *CHAIN_RUNS, extensions_complete)).sized(6_761, 23_657, 23),
    _entry(scopes.EXTENSION_CRASH, Scope.SMALL, chain.EXTENDING).sized(636_179, 3_228_776, 38),
    _entry(scopes.RESTART, Scope.TINY, (*chain.RESTARTING, *CHAIN_RUNS, extensions_complete)).sized(
        42_440, 162_717, 30
    ),
    _entry(scopes.RESTART_BUSY, Scope.SMALL, chain.RESTARTING).sized(208_607, 880_427, 35),
    _entry(scopes.SUSPICION, Scope.TINY, (*chain.SUSPECTING, *CHAIN_RUNS)).sized(17_803, 69_901, 20),
    _entry(scopes.SEALED_CRASH, Scope.TINY, (*chain.SEALING, *CHAIN_RUNS)).sized(323, 793, 14),
    _entry(scopes.SUSPICION_OF_THREE, Scope.SMALL, chain.SUSPECTING).sized(176_958, 854_217, 29),
)
"""Chains under crashes, retries, stale clients, extension, restart, false suspicion."""
