"""The exact starvation bound of a policy in a scope: a number, found by exhausting it again and again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rayproof.model.kernel import INTERRUPTED_NOTE, Limits, Verdict, explore
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.properties.entry import Entry
from rayproof.properties.scheduler.paper.statements import starvation_bound, starvation_bound_of


class RuleBrokenError(ValueError):
    """The policy breaks a rule of its hooks, so that nothing is known of who waits."""


@dataclass(frozen=True)
class StarvationBound:
    """The most tasks of its class that start before a task that was ready on the same node first."""

    tasks: int
    """So many do on some run."""
    note: str = ""
    """Why it may be more: the limit that ended the search; empty when the number is exact."""

    @property
    def exact(self) -> bool:
        """Whether the scope was exhausted."""
        return not self.note


def exact_starvation_bound(
    entry: Entry,
    policy: Policy | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> StarvationBound:
    """The bound, exhausted within the scope of the entry; at most its number of tasks, so that the search ends.

    The limits are those of each of its searches. Raises `RuleBrokenError` for a policy that breaks a rule of its hooks
    there, `KeyboardInterrupt` when a search was interrupted.
    """
    scenario = entry.build(policy, {})
    most = 0
    while True:
        result = explore(replace(scenario, statements=(starvation_bound_of(most),)), limits=limits)
        if result.note.startswith(INTERRUPTED_NOTE):
            raise KeyboardInterrupt
        if result.violation is None:
            undecided = result.verdict is not Verdict.HOLDS
            return StarvationBound(most, (result.note or "the search did not decide it") if undecided else "")
        if result.violation.statement != starvation_bound.name:
            raise RuleBrokenError(f"the policy breaks {result.violation.statement}: {result.violation.sentence}")
        most += 1
