"""How a policy differs from Ray's own: which of that one's promises it does not keep. None of this is a fault."""

from __future__ import annotations

from dataclasses import replace

from rayproof.model.kernel import Limits, Statement, explore
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.properties.cluster.ray2.scopes import TODAY_ENTRIES
from rayproof.properties.cluster.ray2.statements import AS_RAY


def differences(policy: Policy, limits: Limits) -> tuple[tuple[Statement, str], ...]:
    """Ray's promises that the policy breaks, each with the first scope in which it does."""
    found: dict[str, tuple[Statement, str]] = {}
    for entry in TODAY_ENTRIES:
        own = {s.name for s in entry.build(None, {}).statements}
        asked = tuple(s for s in AS_RAY if s.name in own and s.name not in found)
        if entry.takes_policy and asked:
            broken = explore(replace(entry.build(policy, {}), statements=asked), limits=limits).violation
            for statement in asked:
                if broken is not None and broken.statement == statement.name:
                    found[statement.name] = statement, entry.name
    return tuple(found.values())
