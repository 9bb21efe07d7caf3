"""Coverage and vacuity: a scope that exercises nothing proves nothing, and says so."""

from dataclasses import replace

from rayproof.exercise import exercise
from rayproof.model.kernel import (
    Context,
    Down,
    FaultKind,
    Message,
    Name,
    Scenario,
    Statement,
    StateView,
    Unreachable,
    Verdict,
    always,
    audit,
    explore,
    leads_to,
    refines,
)
from rayproof.model.kernel.judging.coverage import handled
from rayproof.properties.catalogue import ENTRIES, EXPECTED_IDLE, Scope
from tests.kernel.liveness.systems import Player, User, coin, game, lock, service
from tests.kernel.toys import Ask, Beat, Server

TINY = Scope.TINY


def test_the_tiny_scopes_together_exercise_every_handler_timer_and_fault_but_those_with_a_reason() -> None:
    scopes = [(entry.name, explore(entry.build(None, {}), ()).coverage) for entry in ENTRIES if entry.scope is TINY]
    found = exercise(scopes, ENTRIES)
    assert found.idle == ()
    assert {item for item, _ in found.expected} == set(EXPECTED_IDLE), "what is exercised by now is expected no longer"
    assert all(EXPECTED_IDLE.values())
    # Of a scope that was left out nothing is judged; of one that does not exist, a reason is asked.
    rest = [(name, coverage) for name, coverage in scopes if name != "chain-sealed-crash"]
    assert exercise(rest, ENTRIES).idle == ()
    fewer = [entry for entry in ENTRIES if entry.name != "chain-sealed-crash"]
    assert exercise(rest, fewer).idle == ("ChainMaster receives Unreachable",)
    assert "sched-booting: fault early_timeout" in exercise(scopes, ENTRIES, {}).idle


def test_what_a_scope_never_exercised_is_named() -> None:
    idle = explore(service(crash=1)).coverage.idle()
    assert idle == ("Client receives Down",)
    assert explore(service(crash=1)).coverage.idle(expected=("* receives Down",)) == ()


def test_faults_and_timers_that_never_struck_are_named() -> None:
    scenario = replace(service(), faults={FaultKind.SUSPECT: 1, FaultKind.LOSE: 1})
    assert "fault suspect" in explore(scenario).coverage.idle(), "nobody watches the server"
    assert "Client fires again" not in explore(scenario).coverage.idle()
    assert "Client fires again" in explore(replace(scenario, faults={})).coverage.idle()


def test_choices_are_counted_by_their_result() -> None:
    exercised = explore(coin(fair=True)).coverage.exercised
    assert {f"Tosser fires toss: choice 1 is option {i}" for i in (1, 2)} <= exercised


class Late(Server):
    """Inherits all its handlers."""

    __slots__ = ()


class Picky(Server):
    """Has a handler of its own, ignores one, and tells returned messages apart."""

    __slots__ = ()

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        match message:
            case Beat():
                self.start(ctx)
            case Ask() | Down():
                pass
            case Unreachable(_, Beat()) as returned:
                Server.receive(self, ctx, sender, returned)
            case _:
                Server.receive(self, ctx, sender, message)


def test_handlers_are_read_from_the_cases_and_belong_to_the_class_that_writes_them() -> None:
    assert {"Server receives Ask", "Server receives Beat"} <= handled(Late) == handled(Server)
    assert {"Picky receives Beat", "Picky receives Unreachable of Beat"} <= handled(Picky)
    assert not {"Picky receives Ask", "Server receives Ask", "Picky receives Down"} & handled(Picky), "ignored"


@leads_to(User, then=lambda view: False, source="a premise that never holds")
def nobody_has_two(view: StateView) -> bool:
    """A user that has and wants at once is lost."""
    return any(user.wants and user.has for user in view.of(User).values())


@audit(Player, source="an audit of a system that never rests")
def at_rest_nobody_has_heard(view: StateView) -> bool:
    """At rest, nobody has heard the bell."""
    return not any(player.heard for player in view.of(Player).values())


@always(Server, source="a statement about processes that do not take part")
def servers_serve(view: StateView) -> bool:
    """Every server serves."""
    return not any(server.disk for server in view.of(Server).values())


@refines(User, initial=0, then=lambda before, after: False, source="an abstraction that forgets everything")
def nothing_happens(view: StateView) -> int:
    """Nothing happens."""
    return 0


def verdict(scenario: Scenario, statement: Statement) -> tuple[Verdict, str]:
    (answer,) = explore(scenario, (statement,)).statements
    return answer.verdict, answer.note


def test_a_statement_that_could_not_fail_fails_unless_that_is_expected() -> None:
    for scenario, statement, reason in (
        (lock("in order"), nobody_has_two, "its premise never held"),
        (game(), at_rest_nobody_has_heard, "no state is quiescent"),
        (game(), servers_serve, "nothing that it reads takes part"),
        (lock("in order"), nothing_happens, "the abstract system never moved"),
    ):
        assert verdict(scenario, statement) == (
            Verdict.VIOLATED,
            f"{reason}: the scope proves nothing about it",
        )
        expected = replace(scenario, expected_idle=frozenset({statement.name}))
        assert verdict(expected, statement) == (Verdict.HOLDS, f"{reason}, as expected here")
