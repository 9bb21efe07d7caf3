"""The fault switch: what a scope may ask for, and what Ray's retrying client does under it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rayproof.model.graph import Default, Resources
from rayproof.model.kernel import FaultKind, Name
from rayproof.model.wire.ray2.leases import INSIDE, LeaseGranted, LeaseSpec, RequestLease
from rayproof.model.wire.ray2.rpc import AGAIN, NO_FAULTS, Client, Faults
from rayproof.properties.catalogue import CATALOGUE
from rayproof.properties.cluster.ray2.scopes import TODAY_ENTRIES
from tests.recorded import Recorded
from tests.scheduler.test_handlers import OWNER, raylet

SPEC = LeaseSpec((OWNER, 1), "c", Resources.of(CPU=1), Default(), "t")
CALL, NEXT = RequestLease(SPEC), RequestLease(LeaseSpec((OWNER, 1), "c", SPEC.demand, SPEC.strategy, "t", call=1))


class Unlucky(Recorded):
    """Every fault that a scope has a budget for strikes."""

    def __init__(self, me: Name, faults: Faults) -> None:
        super().__init__(me)
        self._budgeted, self._may_fail = faults.budgets, lambda fault: True


@pytest.mark.parametrize("budgets", [{"lost_requests": -1}, {"lost_requests": 1, "in_flight": 1}])
def test_a_scope_asks_for_one_kind_of_fault_and_not_less_than_none(budgets: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="negative" if len(budgets) == 1 else "one kind of fault, not lost_requests"):
        Faults(**budgets)


def test_without_asking_nothing_goes_wrong() -> None:
    assert NO_FAULTS.budgets == {} and not Client().fails
    ctx = Unlucky("owner", NO_FAULTS)
    assert not Client().request(ctx, "raylet", CALL, NEXT) and ctx.sends == [("raylet", CALL, "")]
    assert not Client().misses(ctx)


@pytest.mark.parametrize(
    ("faults", "sent"),
    [
        (Faults(lost_requests=1), [("raylet", NEXT, AGAIN)]),
        (Faults(in_flight=1), [("raylet", CALL, INSIDE), ("raylet", NEXT, AGAIN)]),
        (Faults(lost_replies=1), [("raylet", CALL, INSIDE)]),
        (Faults(duplicates=1), [("raylet", CALL, INSIDE)]),
    ],
)
def test_a_call_that_fails_is_made_again(faults: Faults, sent: list[tuple[Name, RequestLease, str]]) -> None:
    ctx = Unlucky("owner", faults)
    client = Client(faults)
    assert client.request(ctx, "raylet", CALL, NEXT, INSIDE) is (len(sent) == 2 or sent[0][2] == AGAIN)
    assert ctx.sends == sent and client.misses(ctx) is bool(faults.lost_replies)


@pytest.mark.parametrize(("faults", "times"), [(NO_FAULTS, 1), (Faults(lost_replies=1), 2), (Faults(in_flight=1), 2)])
def test_what_is_told_may_arrive_twice(faults: Faults, times: int) -> None:
    ctx = Unlucky("owner", faults)
    Client(faults).tell(ctx, "raylet", CALL)
    assert len(ctx.sends) == times


def _queued(node: object) -> None:
    node.free = Resources()  # type: ignore[attr-defined]


@pytest.mark.parametrize("ready", [_queued, lambda node: None], ids=["queued", "granted"])
def test_a_raylet_answers_the_latest_call(ready: Callable[[object], None]) -> None:
    node, ctx = raylet(CPU=1)
    ready(node)
    node.receive(ctx, OWNER, CALL)
    node.receive(ctx, OWNER, NEXT)
    node.free = Resources.of(CPU=1) if not node.granted else node.free
    node.go_on(ctx)
    node.popped(ctx, SPEC.lease, "w0")
    assert list(node.granted) == [SPEC.lease]
    assert (OWNER, LeaseGranted(SPEC.lease, "w0", 1)) in ctx.sent()


def test_every_kind_of_fault_has_a_scope() -> None:
    asked: set[FaultKind] = set()
    for entry in TODAY_ENTRIES:
        asked |= set(CATALOGUE[entry.name].build(None, {}).faults)
    assert asked >= {
        FaultKind.LOSE,
        FaultKind.LOSE_REPLY,
        FaultKind.DUPLICATE,
        FaultKind.CUT,
        FaultKind.SUSPECT,
        FaultKind.CRASH,
    }
