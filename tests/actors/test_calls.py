"""The scopes of actor calls are exhausted, and their planted bugs are killed."""

import pytest

from rayproof.model.actors.ray2.events import Started
from rayproof.model.actors.ray2.protocol import Outcome
from rayproof.model.kernel import Verdict
from rayproof.model.kernel.explore import explore
from rayproof.properties.actors.ray2.bugs import ACTOR_BUGS
from rayproof.properties.actors.ray2.scopes import ACTOR_ENTRIES
from rayproof.properties.actors.ray2.statements import Order
from rayproof.properties.bugs import Bug
from rayproof.properties.catalogue import CATALOGUE
from tests.scopes import check_gallery, check_killed, check_pinned

PINNED = {
    "actor-counter": (82, 12),
    "actor-at-most-once": (29_344, 21),
    "actor-dies": (6_804, 18),
    "actor-retries": (24_840, 26),
    "actor-two-callers": (88_714, 27),
    "actor-out-of-order": (90_446, 27),
    "actor-called-later": (12_058, 21),
    "actor-lost-reply": (72, 12),
    "actor-concurrent": (570, 16),
}


@pytest.mark.parametrize("name", PINNED)
def test_scope_is_exhausted(name: str) -> None:
    check_pinned(name, *PINNED[name])


@pytest.mark.slow
def test_small_scope_is_exhausted() -> None:
    check_pinned("actor-retried-later", 137_012, 30)


@pytest.mark.parametrize("bug", ACTOR_BUGS, ids=lambda bug: bug.name)
def test_bug_is_killed(bug: Bug) -> None:
    check_killed(bug)


def test_every_scope_is_pinned_and_every_statement_has_its_bug() -> None:
    check_gallery(ACTOR_ENTRIES, ACTOR_BUGS, PINNED)


def test_retries_may_run_out_of_order_as_in_real_ray() -> None:
    result = explore(CATALOGUE["actor-retries"].build(None, {}))
    verdicts = {s.name: s.verdict for s in result.statements}
    assert verdicts["actor_serial_order_of_retries"] is Verdict.KNOWN
    assert verdicts["actor_serial_order"] is Verdict.HOLDS


def test_errors_have_the_names_of_ray() -> None:
    assert set(Outcome) == {"ActorDiedError", "ActorUnavailableError"}


def order_of(*begun: tuple[int, int]) -> Order:
    order = Order()
    for number, attempt in begun:
        order = order.observe(Started("actor", "caller", f"a{number}", number, attempt))
    return order


def test_only_calls_without_a_retry_owe_each_other_an_order() -> None:
    assert order_of((1, 1), (0, 1)).overtaken == "a0"
    by_a_retry = order_of((2, 2), (1, 1))
    assert (by_a_retry.overtaken, by_a_retry.retry_overtaken) == ("", "a1")
    # The first attempt had waited for the end of its own retry.
    after_its_retry = order_of((1, 2), (2, 1), (1, 1))
    assert (after_its_retry.overtaken, after_its_retry.retry_overtaken) == ("", "a1")
