"""The named scenarios of Ray 2's GCS: polled news, restart, membership, resource sync."""

from __future__ import annotations

from rayproof.model.gcs.ray2 import scenarios as scopes
from rayproof.model.kernel import Scenario, Statement
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.swap import Swap
from rayproof.properties.entry import Edition, Entry, Scope
from rayproof.properties.gcs import statements as pubsub
from rayproof.properties.gcs.ray2 import statements as server
from rayproof.properties.gcs.ray2.statements import a_gcs_serves_some_day
from rayproof.properties.gcs.statements import subscribers_catch_up


def _long_poll(crashes: int, lost_replies: int, scope: Scope) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        runs = (subscribers_catch_up,) if scope is Scope.TINY else ()
        return scopes.long_poll(crashes, lost_replies, (*pubsub.POLLED, *runs), swap)

    return Entry(f"long-poll-{crashes}-{lost_replies}", "gcs", Edition.RAY2, scope, build)


def _restart(crashes: int, failed: int, half: int, scope: Scope) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        runs = (a_gcs_serves_some_day,) if scope is Scope.TINY else ()
        return scopes.restart(crashes, failed, half, (*server.RESTARTED, *runs), swap)

    return Entry(f"gcs-restart-{crashes}-{failed}-{half}", "gcs", Edition.RAY2, scope, build)


def _membership(suffix: str, scope: Scope, statements: tuple[Statement, ...], **how: bool) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        return scopes.membership(1, statements=statements, swap=swap, **how)

    return Entry(f"gcs-membership-1{suffix}", "gcs", Edition.RAY2, scope, build)


def _sync(changes: int, scope: Scope) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        return scopes.sync(2, changes, 1, server.SYNCED, swap)

    return Entry(f"gcs-sync-2-{changes}-1", "gcs", Edition.RAY2, scope, build)


SERVER_ENTRIES = (
    _long_poll(1, 1, Scope.TINY).sized(63_881, 174_652, 32),
    _long_poll(2, 1, Scope.SMALL).sized(2_086_864, 7_128_244, 46),
    _restart(1, 1, 1, Scope.TINY).sized(9_372, 26_084, 33),
    _restart(2, 1, 1, Scope.SMALL).sized(395_684, 1_632_378, 42),
    _membership("", Scope.TINY, server.MEMBERS).sized(21_924, 65_580, 31),
    _membership("-memory", Scope.TINY, server.FORGOTTEN, has_storage=False).sized(21_392, 63_707, 31),
    _membership("-nodes", Scope.TINY, server.MEMBERS, nodes_restart=True).sized(989, 2_149, 19),
    _sync(1, Scope.TINY).sized(36_702, 141_202, 17),
    _sync(2, Scope.SMALL).sized(194_474, 830_210, 19),
)
"""The parts of Ray 2's GCS, each alone."""
