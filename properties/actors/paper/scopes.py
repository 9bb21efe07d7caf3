"""The named scenarios of replayed actors."""

from __future__ import annotations

from rayproof.model.actors.paper.scenarios import replayed
from rayproof.model.kernel import Scenario
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.swap import Swap
from rayproof.properties.actors.paper.statements import REPLAY
from rayproof.properties.entry import Edition, Entry, Scope


def _replay(name: str, **options: int) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        return replayed(name, {"a": ("a0", "a1"), "b": ("b0", "b1")}, REPLAY, swap=swap, **options)

    return Entry(name, "actors", Edition.PAPER, Scope.TINY, build)


REPLAY_ENTRIES = (_replay("replay"), _replay("replay-checkpoint", every=2))
"""Scenarios of the paper's actors."""
