"""The exact starvation bound of a policy in a scope: a number, found by exhausting it again and again."""

from __future__ import annotations

from dataclasses import replace

from rayproof.model.kernel import Verdict
from rayproof.model.kernel.explore import explore
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.properties.entry import Entry
from rayproof.properties.scheduler.paper.statements import starvation_bound, starvation_bound_of


def exact_starvation_bound(entry: Entry, policy: Policy | None = None) -> int:
    """The most tasks of its class that start before a task that was ready on the same node first.

    Exhausted within the scope of the entry; at most its number of tasks, so that the search ends. Raises `ValueError`
    for a policy that breaks a rule of its hooks there.
    """
    scenario = entry.build(policy, {})
    most = 0
    while True:
        result = explore(replace(scenario, statements=(starvation_bound_of(most),)))
        if result.verdict is not Verdict.VIOLATED or result.violation is None:
            return most
        if result.violation.statement != starvation_bound.name:
            raise ValueError(f"the policy breaks {result.violation.statement}")
        most += 1
