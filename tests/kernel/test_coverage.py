"""Coverage and vacuity: a scope that exercises nothing proves nothing, and says so."""

from dataclasses import replace

from model.kernel import FaultKind, Scenario, Statement, StateView, Verdict, audit, leads_to
from model.kernel.coverage import NOTHING, handled_messages
from model.kernel.explore import explore
from properties.catalogue import ENTRIES, Scope
from tests.kernel.liveness.systems import Player, User, coin, game, lock, service
from tests.kernel.toys import Ask, Beat, Server

NOT_YET = (
    "* receives Unreachable",
    "Announcer receives Publish",
    "Borrower receives Fetch",
    "Caller receives Push",
    "ChainMaster receives Unreachable",
    "ChainedStore receives LocateInputs",
    "ChainedStore receives TaskRejected",
    "ControlStore receives TaskRejected",
    "Directory receives MakeAgain",
    "Directory receives ObjectFailed",
    "LeaseRaylet receives Drain",
    "NodeManager receives *",
    "NodeTable receives Notice",
    "ObjectManager receives Exists",
    "ObjectWorker receives Absent",
    "ObjectWorker receives Exists",
    "PacedCaller receives Push",
    "Raylet receives ObjectFailed",
    "RedirectedCaller receives MethodCall",
    "ShardedClient receives *",
)
"""Handlers that no tiny scope exercises; each is a scope still to be written."""


def test_the_tiny_scopes_together_exercise_every_handler_timer_and_fault() -> None:
    together = NOTHING
    for entry in ENTRIES:
        if entry.scope is Scope.TINY:
            together |= explore(entry.build(None, {}), ()).coverage
    assert together.idle(NOT_YET) == ()
    assert "Raylet receives NodeDead" in together.exercised


def test_what_a_scope_never_exercised_is_named() -> None:
    idle = explore(service(crash=1)).coverage.idle()
    assert idle == ("Client receives Down", "Client receives Unreachable")
    assert explore(service(crash=1)).coverage.idle(expected=("* receives Unreachable",)) == ("Client receives Down",)


def test_faults_and_timers_that_never_struck_are_named() -> None:
    scenario = replace(service(), faults={FaultKind.SUSPECT: 1, FaultKind.LOSE: 1})
    assert "fault suspect" in explore(scenario).coverage.idle(), "nobody watches the server"
    assert "Client fires again" not in explore(scenario).coverage.idle()
    assert "Client fires again" in explore(replace(scenario, faults={})).coverage.idle()


def test_choices_are_counted_by_their_result() -> None:
    exercised = explore(coin(fair=True)).coverage.exercised
    assert {f"Tosser fires toss: choice 1 is option {i}" for i in (1, 2)} <= exercised


def test_handled_messages_are_read_from_the_cases_also_of_a_base_class() -> None:
    class Late(Server):
        __slots__ = ()

    assert {Ask, Beat} <= handled_messages(Late)


@leads_to(User, then=lambda view: False, source="a premise that never holds")
def nobody_has_two(view: StateView) -> bool:
    """A user that has and wants at once is lost."""
    return any(user.wants and user.has for user in view.of(User).values())


@audit(Player, source="an audit of a system that never rests")
def at_rest_nobody_has_heard(view: StateView) -> bool:
    """At rest, nobody has heard the bell."""
    return not any(player.heard for player in view.of(Player).values())


def verdict(scenario: Scenario, statement: Statement) -> tuple[Verdict, str]:
    (answer,) = explore(scenario, (statement,)).statements
    return answer.verdict, answer.note


def test_a_premise_that_never_holds_and_an_audit_that_never_takes_place_fail_unless_expected() -> None:
    for scenario, statement, reason in (
        (lock("in order"), nobody_has_two, "its premise never held"),
        (game(), at_rest_nobody_has_heard, "no state is quiescent"),
    ):
        assert verdict(scenario, statement) == (
            Verdict.VIOLATED,
            f"{reason}: the scope proves nothing about it",
        )
        expected = replace(scenario, expected_idle=frozenset({statement.name}))
        assert verdict(expected, statement) == (Verdict.HOLDS, f"{reason}, as expected here")
