"""The scopes of scheduling: planted bugs and which statements see them, the hooks beside `place`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from rayproof.model.kernel import Verdict, explore
from rayproof.model.scheduler.policy.built_in import DefaultPolicy
from rayproof.model.scheduler.policy.queue_hooks import GIVE_UP, Backoff
from rayproof.properties.catalogue import CATALOGUE
from rayproof.properties.scheduler.paper.starvation import StarvationBound, exact_starvation_bound


@dataclass(frozen=True)
class Youngest(DefaultPolicy):
    """DEFAULT with the queue turned round."""

    def order(self, queue: Any, view: Any, memory: Any, ctx: Any) -> Any:
        return queue[-1].id


@dataclass(frozen=True)
class Impatient(DefaultPolicy):
    """Gives up after so many back-offs."""

    attempts: int = 0
    seen: list[int] = field(default_factory=list, compare=False)

    def retry(self, task: Any, attempt: int, view: Any, memory: Any, ctx: Any) -> Any:
        self.seen.append(attempt)
        return Backoff(1000 * 2**attempt) if attempt < self.attempts else GIVE_UP


def test_the_order_hook_decides_who_goes_next() -> None:
    assert exact_starvation_bound(CATALOGUE["sched-classes"]) == StarvationBound(0)
    assert exact_starvation_bound(CATALOGUE["sched-classes"], Youngest()) == StarvationBound(1)


def test_an_order_that_cannot_start_is_the_policys_error() -> None:
    @dataclass(frozen=True)
    class Wrong(DefaultPolicy):
        def order(self, queue: Any, view: Any, memory: Any, ctx: Any) -> Any:
            return "nobody"

    violation = explore(CATALOGUE["sched-classes"].build(Wrong(), {})).violation
    assert violation is not None
    assert violation.statement == "legal_answer"


@pytest.mark.parametrize("attempts", [0, 1, 3])
def test_bounded_retries_reject_what_a_booting_node_would_serve(attempts: int) -> None:
    policy = Impatient(attempts=attempts)
    result = explore(CATALOGUE["sched-booting"].build(policy, {}))
    assert result.violation is not None
    assert result.violation.statement == "no_feasible_work_rejected"
    assert max(policy.seen) == attempts


def test_more_retries_than_time_outs_can_be_too_short_reject_nothing() -> None:
    # Four early time-outs are the budget of the scope: the fifth back-off lasts until the node is there.
    result = explore(CATALOGUE["sched-booting"].build(Impatient(attempts=5), {}))
    assert result.verdict is Verdict.HOLDS


def test_every_waiter_is_told_of_a_rejection() -> None:
    scenario = CATALOGUE["sched-booting"].build(Impatient(), {})
    kept = tuple(s for s in scenario.statements if s.name != "no_feasible_work_rejected")
    assert explore(replace(scenario, statements=kept)).verdict is Verdict.HOLDS
