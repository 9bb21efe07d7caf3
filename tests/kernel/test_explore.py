"""What an exploration answers, and when it may not answer."""

import subprocess
import sys
from dataclasses import dataclass, replace

import pytest

from rayproof.model.gcs.chain.clients import ChainClient
from rayproof.model.gcs.chain.scenarios import chain
from rayproof.model.kernel import (
    Context,
    Deliver,
    Explorer,
    Limits,
    Process,
    Scenario,
    StateView,
    Taken,
    TimerKind,
    Verdict,
    always,
    campaign,
    eventually,
    explore,
    sometimes,
    step,
)
from tests.kernel.toys import office
from tests.shared_data import PROJECT


@always(ChainClient, source="test")
def fewer_than_two_answers(view: StateView) -> str | None:
    """The client has fewer than two answers."""
    client = view.one(ChainClient)
    return None if client is None or len(client.done) < 2 else "it is not so"


@step(ChainClient, source="test")
def no_answer_is_delivered(before: StateView, taken: Taken, after: StateView) -> str | None:
    """No step delivers an answer that the client did not have."""
    one, other = before.one(ChainClient), after.one(ChainClient)
    return (
        None
        if one is None or other is None or one.done == other.done or not isinstance(taken.step, Deliver)
        else "it is not so"
    )


@sometimes(ChainClient, source="test")
def seven_answers(view: StateView) -> str | None:
    """The client has seven answers."""
    client = view.one(ChainClient)
    return "it is so" if client is not None and len(client.done) == 7 else None


@eventually(ChainClient, source="test")
def all_is_answered(view: StateView) -> str | None:
    """The client has all answers."""
    client = view.one(ChainClient)
    return None if client is not None and not client.todo and not client.pending else "it is not so yet"


def test_pinned_counts_of_a_chain() -> None:
    result = explore(chain(3, 2, 1))
    assert (result.verdict, result.states, result.transitions, result.depth) == (Verdict.HOLDS, 13022, 48062, 26)


def test_a_violation_is_a_shortest_one() -> None:
    scenario = chain(3, 2, 1, (fewer_than_two_answers,))
    found = explore(scenario).violation
    assert found is not None and found.statement == "fewer_than_two_answers"
    # Five messages and one program step per write; nothing shorter can answer two writes.
    assert len(found.steps) == 10
    bounded = explore(replace(scenario, depth_limit=9))
    assert (bounded.verdict, bounded.violation) == (Verdict.UNDETERMINED, None)


def test_a_step_statement_names_the_step() -> None:
    found = explore(chain(3, 1, 0, (no_answer_is_delivered,))).violation
    assert found is not None
    assert found.steps[-1].step == Deliver("replica2", "client")


def test_what_never_happens_proves_nothing() -> None:
    scenario = chain(3, 1, 0, (seven_answers,))
    assert explore(scenario).verdict is Verdict.VIOLATED
    assert explore(replace(scenario, expected_idle=frozenset({"seven_answers"}))).verdict is Verdict.HOLDS


def test_a_cap_is_no_pass() -> None:
    scenario = chain(3, 2, 1)
    assert explore(scenario, limits=Limits(states=100)).verdict is Verdict.UNDETERMINED
    assert explore(scenario, limits=Limits(memory_mb=1)).verdict is Verdict.HOLDS, "too small a scope to be polled"
    big = explore(chain(3, 3, 1), limits=Limits(memory_mb=1))
    assert (big.verdict, "MB" in big.note) == (Verdict.UNDETERMINED, True)
    slow = explore(chain(3, 3, 1), limits=Limits(cpu_s=0.000_001))
    assert (slow.verdict, "CPU" in slow.note) == (Verdict.UNDETERMINED, True)


def test_a_kind_without_an_engine_is_no_pass() -> None:
    assert explore(chain(2, 1, 0, (all_is_answered,))).verdict is Verdict.HOLDS
    assert campaign(chain(2, 1, 0, (all_is_answered,)), 3, 1).verdict is Verdict.UNDETERMINED


def test_an_interrupt_keeps_what_was_found() -> None:
    def interrupt(progress: object) -> None:
        raise KeyboardInterrupt

    result = explore(chain(3, 3, 1), on_progress=interrupt)
    assert (result.verdict, result.note) == (Verdict.UNDETERMINED, "interrupted")
    assert result.states > 10_000


@dataclass(slots=True)
class Counter(Process):
    total: int = 0

    def start(self, ctx: Context) -> None:
        ctx.set_timer("more", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        self.total += 1
        ctx.set_timer("more", kind=TimerKind.PROGRAM)


def test_a_field_that_grows_without_bound_is_named() -> None:
    result = explore(Scenario("growing", "cluster", {"counter": Counter}))
    assert result.verdict is Verdict.UNDETERMINED
    assert "field total of counter grows without bound" in result.note


def test_a_known_breach_does_not_end_the_search() -> None:
    known = replace(fewer_than_two_answers, known="upstream#1")
    result = explore(chain(3, 2, 1, (known,)))
    assert (result.verdict, result.states) == (Verdict.KNOWN, 13022)
    never = replace(seven_answers, kind=known.kind, check=lambda view: None, known="upstream#2")
    assert explore(chain(3, 1, 0, (never,))).verdict is Verdict.VIOLATED, "an unexpected pass is a failure"


def test_memory_a_state() -> None:
    explorer = Explorer(chain(3, 3, 1))
    explorer.run()
    states = explorer.states()
    kept = sum(map(sys.getsizeof, states)) + sys.getsizeof(set(states)) + sys.getsizeof(states) + 4 * len(states)
    assert kept / len(states) <= 400


@pytest.mark.parametrize(
    ("faults", "states"),
    [
        ({}, 317),
        ({"early_timeout": 1, "fail_write": 1}, 867),
        ({"crash": 1, "lose": 1}, 5843),
        ({"cut": 1, "duplicate": 1, "lose_reply": 1}, 26737),
    ],
)
def test_pinned_counts_of_the_toys(faults: dict[str, int], states: int) -> None:
    result = explore(office(**faults))
    assert (result.verdict, result.states) == (Verdict.HOLDS, states)


def test_peaks_are_kept_for_the_alarm() -> None:
    assert explore(chain(3, 2, 0)).peaks["replica0", "history"] == 2


def test_memory_that_was_given_back_counts_no_longer() -> None:
    # In a process of its own: what another test has left there might be given back meanwhile.
    code = (
        "from rayproof.model.kernel.search.explore import resident_mb\n"
        "before = resident_mb()\nballast = b'x' * (256 << 20)\nfull = resident_mb()\ndel ballast\n"
        "print(full >= before + 200, resident_mb() < before + 100)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout == "True True\n"
