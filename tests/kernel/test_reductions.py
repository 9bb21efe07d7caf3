"""Reductions pass their gate or are refused by name; what they leave out is found again in the traces."""

from dataclasses import dataclass, replace
from functools import partial

import pytest

from benchmarks.plain_chain import PLAIN, Replica, Stable, Update, plain_chain
from rayproof.model.gcs.chain import protocol
from rayproof.model.kernel import (
    Context,
    Eager,
    Name,
    Reduction,
    Statement,
    StateView,
    Symmetry,
    Verdict,
    always,
    explore,
    explore_reduced,
    replay,
)
from rayproof.model.kernel.reductions.gate import gate
from rayproof.model.kernel.reductions.reduced_search import ReducedExplorer
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import build
from rayproof.properties.gcs.chain.statements import CHAIN_RUNS, inprocess_requests
from tests.kernel.liveness.systems import Lock, User, lock

ACKNOWLEDGEMENTS = Eager("eager acknowledgements", (Stable,))
ACKNOWLEDGEMENTS_IN_EPOCHS = Eager("eager acknowledgements", (protocol.Stable,))
USERS = Symmetry("interchangeable users", ("user1", "user2", "user3"))


@dataclass(slots=True)
class NoResend(Replica):
    """A replica with a new successor does not send again what is not acknowledged."""

    def reconfigure(self, ctx: Context, chain: tuple[Name, ...]) -> None:
        sent, self.sent = self.sent, ()
        Replica.reconfigure(self, ctx, chain)
        self.sent = sent if self.successor(ctx) is not None else ()


@always(Lock, User, source="mutual exclusion")
def one_holder(view: StateView) -> str | None:
    """At most one user has the lock."""
    return None if sum(user.has for user in view.of(User).values()) <= 1 else "it is not so"


@always(User, source="an invariant that is false")
def nobody_has_the_lock(view: StateView) -> str | None:
    """No user ever has the lock."""
    return "it is not so" if any(user.has for user in view.of(User).values()) else None


@always(User, source="a statement that tells the users apart")
def the_third_never_has(view: StateView) -> str | None:
    """The third user never has the lock."""
    return "it is not so" if any(user.has for name, user in view.of(User).items() if name == "user3") else None


def test_eager_acknowledgements_of_the_chain_pass_and_the_verdict_says_what_they_save() -> None:
    scenario = plain_chain(3, 3, 1, PLAIN)
    full = explore(scenario)
    reduced = explore_reduced(scenario, plain_chain(3, 2, 1, PLAIN), [ACKNOWLEDGEMENTS])
    assert reduced.reductions == ("eager acknowledgements: 1.8 times fewer states at the gate",)
    assert reduced.verdict is full.verdict is Verdict.HOLDS
    assert reduced.states * 1.5 < full.states


@pytest.mark.parametrize(
    ("reduction", "reason"),
    [
        (Eager("eager updates", (Update,)), "acknowledged_writes_survive no longer sees the same states"),
        (Symmetry("replicas", ("replica1", "replica2")), "no longer sees the same states"),
    ],
)
def test_an_unsound_reduction_is_refused_by_name(reduction: Reduction, reason: str) -> None:
    found = gate(plain_chain(3, 2, 1), reduction, PLAIN)
    assert reason in found.refused
    assert found.sentence.startswith(f"{reduction.name}: refused, ")


def test_acknowledgements_are_not_eager_where_a_statement_speaks_of_what_they_change() -> None:
    found = gate(build("chain-3-2-1"), ACKNOWLEDGEMENTS_IN_EPOCHS, (inprocess_requests,))
    assert found.refused == "inprocess_requests no longer sees the same states"


def test_nodes_that_a_tie_break_tells_apart_are_refused() -> None:
    scenario = replace(build("cluster-readers"), statements=build("cluster-readers").statements[:1])
    assert gate(scenario, Symmetry("nodes", ("raylet0", "raylet1"))).refused


@pytest.mark.parametrize("statement", CHAIN_RUNS)
def test_claims_about_runs_are_refused(statement: Statement) -> None:
    found = gate(build("chain-3-2-1"), ACKNOWLEDGEMENTS_IN_EPOCHS, (statement,))
    assert found.refused == f"it changes the runs that {statement.name} speaks of"


def test_interchangeable_users_are_one_up_to_renaming() -> None:
    for rule, factor in (("in order", 4), ("ask again", 4)):
        scope = replace(lock(rule), statements=(one_holder,))
        found = gate(scope, USERS)
        assert not found.refused and found.full > factor * found.reduced
        reduced = explore_reduced(scope, scope, [USERS])
        assert (reduced.verdict, reduced.states) == (Verdict.HOLDS, found.reduced)


def test_traces_found_under_a_reduction_are_runs_of_the_full_model() -> None:
    scope = replace(lock("in order"), statements=(nobody_has_the_lock,))
    reduced = explore_reduced(scope, scope, [USERS])
    full = explore(scope)
    assert reduced.violation is not None and full.violation is not None
    assert len(reduced.violation.steps) == len(full.violation.steps)
    again = replay(scope, reduced.violation.steps).violation
    assert again is not None and again.statement == "nobody_has_the_lock"
    sound = plain_chain(3, 2, 1, PLAIN)
    names = sound.crashable
    broken = replace(sound, processes={**sound.processes, **dict.fromkeys(names, partial(NoResend, names))})
    found = explore_reduced(broken, sound, [ACKNOWLEDGEMENTS]).violation
    assert found is not None
    assert replay(broken, found.steps).violation == found


@pytest.mark.parametrize("name", ["goes_back_to_an_older_configuration", "skips_locality"])
def test_the_last_step_of_a_trace_is_the_one_that_breaks_a_statement_about_steps(name: str) -> None:
    bug = BUGS[name]
    broken = build(bug.scenario, swap=bug.replaces)
    only = [s for s in broken.statements if s.name == bug.statement]
    # Without a reduction such statements are decided; beside one they are not.
    found = ReducedExplorer(broken, (), only).run().violation
    assert found is not None and replay(broken, found.steps, only).violation == found
    with pytest.raises(ValueError, match=f"no reduction bears {bug.statement}"):
        ReducedExplorer(broken, (USERS,), only)
    refused = explore_reduced(broken, broken, (ACKNOWLEDGEMENTS,), only)
    assert not refused.reduced and refused.violation == found


def test_a_statement_that_tells_the_users_apart_takes_the_symmetry_away() -> None:
    scope = replace(lock("in order"), statements=(the_third_never_has,))
    assert "the_third_never_has tells apart what is called interchangeable" in gate(scope, USERS).refused
    larger = explore_reduced(scope, replace(lock("in order"), statements=(one_holder,)), [USERS])
    assert larger.verdict is Verdict.VIOLATED and "tells apart" in larger.reductions[0]
