"""The scopes of actor calls are exhausted, and their planted bugs are killed."""

import pytest

from rayproof.model.actors.ray2.events import Started
from rayproof.model.actors.ray2.protocol import CallOutcome
from rayproof.model.kernel import Verdict, explore
from rayproof.properties.actors.ray2.bugs import ACTOR_BUGS
from rayproof.properties.actors.ray2.scopes import ACTOR_ENTRIES
from rayproof.properties.actors.ray2.statements import Order
from rayproof.properties.bugs import Bug
from rayproof.properties.catalogue import CATALOGUE
from tests.scopes import check_gallery, check_killed


@pytest.mark.parametrize("bug", ACTOR_BUGS, ids=lambda bug: bug.name)
def test_bug_is_killed(bug: Bug) -> None:
    check_killed(bug)


def test_every_statement_has_its_bug() -> None:
    check_gallery(ACTOR_ENTRIES, ACTOR_BUGS)


def test_retries_may_run_out_of_order_as_in_real_ray() -> None:
    result = explore(CATALOGUE["actor-retries"].build(None, {}))
    verdicts = {s.name: s.verdict for s in result.statements}
    assert verdicts["actor_serial_order_of_retries"] is Verdict.KNOWN
    assert verdicts["actor_serial_order"] is Verdict.HOLDS


def test_errors_have_the_names_of_ray() -> None:
    assert set(CallOutcome) == {"ActorDiedError", "ActorUnavailableError"}


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
