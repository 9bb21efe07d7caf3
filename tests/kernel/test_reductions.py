"""Reductions pass their gate or are refused by name; what they leave out is found again in the traces."""

from dataclasses import dataclass, replace
from functools import partial

import pytest

from benchmarks.plain_chain import PLAIN, Replica, plain_chain
from rayproof.model.kernel import (
    Context,
    Invisible,
    Name,
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
from rayproof.properties.gcs.chain.statements import CHAIN_RUNS
from tests.kernel.liveness.systems import Lock, User, lock

INVISIBLE = Invisible("invisible steps")
USERS = Symmetry("interchangeable users", ("user1", "user2", "user3"))


@dataclass(slots=True)
class NoResend(Replica):
    """A replica with a new successor does not send again what is not acknowledged."""

    def reconfigure(self, ctx: Context, chain: tuple[Name, ...]) -> None:
        sent, self.sent = self.sent, ()
        Replica.reconfigure(self, ctx, chain)
        self.sent = sent if self.successor(ctx) is not None else ()


@always(Lock, User, source="mutual exclusion")
def one_holder(view: StateView) -> bool:
    """At most one user has the lock."""
    return sum(user.has for user in view.of(User).values()) <= 1


@always(User, source="an invariant that is false")
def nobody_has_the_lock(view: StateView) -> bool:
    """No user ever has the lock."""
    return not any(user.has for user in view.of(User).values())


@always(User, source="a statement that tells the users apart")
def the_third_never_has(view: StateView) -> bool:
    """The third user never has the lock."""
    return not any(user.has for name, user in view.of(User).items() if name == "user3")


def test_an_unsound_reduction_is_refused_by_name() -> None:
    found = gate(plain_chain(3, 2, 1), Symmetry("replicas", ("replica1", "replica2")), PLAIN)
    assert "no longer sees the same states" in found.refused
    assert found.sentence.startswith("replicas: refused, ")


def test_nodes_that_a_tie_break_tells_apart_are_refused() -> None:
    scenario = replace(build("cluster-readers"), statements=build("cluster-readers").statements[:1])
    assert gate(scenario, Symmetry("nodes", ("raylet0", "raylet1"))).refused


@pytest.mark.parametrize("statement", CHAIN_RUNS)
def test_claims_about_runs_are_refused(statement: Statement) -> None:
    found = gate(build("chain-3-2-1"), INVISIBLE, (statement,))
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
    found = explore_reduced(broken, sound, [INVISIBLE]).violation
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
    refused = explore_reduced(broken, broken, (INVISIBLE,), only)
    assert not refused.reduced and refused.violation == found


def test_a_statement_that_tells_the_users_apart_takes_the_symmetry_away() -> None:
    scope = replace(lock("in order"), statements=(the_third_never_has,))
    assert "the_third_never_has tells apart what is called interchangeable" in gate(scope, USERS).refused
    larger = explore_reduced(scope, replace(lock("in order"), statements=(one_holder,)), [USERS])
    assert larger.verdict is Verdict.VIOLATED and "tells apart" in larger.reductions[0]
