"""The named scenarios of moving an actor."""

from __future__ import annotations

from rayproof.model.actors.scenarios import migration
from rayproof.model.kernel import Scenario
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.scheduler.policy.move_hooks import has_migrate
from rayproof.model.swap import Swap
from rayproof.properties.actors.statements import MIGRATION
from rayproof.properties.entry import Edition, Entry, Scope


def _migration(name: str, *crashable: str, methods: int = 2) -> Entry:
    """The notes' example: actors of 70 and 20 on one node, 80 on the other, and a new one of 25."""

    def build(policy: Policy | None, swap: Swap) -> Scenario:
        return migration(
            name,
            {"actor1": 70, "actor2": 20, "actor3": 25, "actor4": 80},
            {"node1": ("actor1", "actor2"), "node2": ("actor4",)},
            "actor3",
            "actor2",
            MIGRATION,
            methods=methods,
            crashable=crashable,
            policy=policy if has_migrate(policy) else None,
            swap=swap,
        )

    return Entry(name, "actors", Edition.BOTH, Scope.TINY, build, takes_policy=True, hook="migrate")


MIGRATION_ENTRIES = (
    _migration("migration"),
    _migration("migration-source-dies", "node1"),
    _migration("migration-target-dies", "node2"),
    _migration("migration-coordinator-dies", "coordinator", methods=1),
)
"""Scenarios of moves, with a crash of each party at every step."""
