"""`--reduce` and `--only`: each reduction is judged on the model under test itself, and what is refused is named."""

import json
from dataclasses import replace

import pytest

from rayproof.model.kernel import Verdict, explore, explore_reduced, replay
from rayproof.model.kernel.reductions.gate import gate
from rayproof.model.kernel.reductions.reduction import REDUCIBLE
from rayproof.properties.bug import Bug
from rayproof.properties.catalogue import CATALOGUE, ENTRIES
from rayproof.properties.entry import Scope
from rayproof.properties.gcs.chain.bugs import CHAIN_BUGS
from rayproof.properties.reductions import GATES, REDUCTIONS, gate_of
from rayproof.reducing import explore_entry, only, wanted
from tests.cli.test_commands import rayproof
from tests.kernel.test_invisible import HOUSE

INVISIBLE = (REDUCTIONS["invisible"],)
SAFETY = ("--only", "acknowledged_writes_survive", "--only", "update_propagation")


def test_a_larger_scope_is_judged_on_a_tiny_one_of_its_family(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    code, out, _ = rayproof(monkeypatch, capsys, "verify", "chain-3-3-1", "--reduce", "auto", *SAFETY)
    # All 124,541 states: tests/cli/test_verify.py.
    caveat = "holds (reduced: invisible steps, gate 13,022 states)"
    assert code == 0 and f"chain-3-3-1  {caveat}  10,396 states" in out
    assert "symmetry: refused, it is not used together with invisible steps" in out
    assert f"verdict: {caveat}  exhausted within scope" in out


def test_the_report_for_machines_says_whether_the_counts_are_of_all_states(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, states, reduced in (("chain-3-2-1", 13_022, False), ("replay", 18_984, True)):
        code, out, _ = rayproof(monkeypatch, capsys, "verify", name, "--reduce", "symmetry", "--json", "-")
        (scenario,) = json.loads(out)["scenarios"]
        assert code == 0 and scenario["reduced"] is reduced and len(scenario["reductions"]) == 1
        assert scenario["states"] == states
        assert scenario["caveat"] == ("reduced: symmetry, gate 37,964 states" if reduced else "")


def test_claims_about_runs_and_about_steps_are_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in REDUCTIONS:
        for scenario, statement, why in (
            ("chain-3-2-1", "writes_get_answers", "it changes the runs that writes_get_answers speaks of"),
            ("chain-3-2-1", "refines_the_atomic_register", "the runs that refines_the_atomic_register speaks of"),
            ("chain-stale", "epochs_never_go_back", "it changes the runs that epochs_never_go_back speaks of"),
        ):
            options = ("--reduce", name, "--only", statement, "--max-states", "5000")
            _, out, _ = rayproof(monkeypatch, capsys, "verify", scenario, *options)
            assert f"{REDUCTIONS[name].name}: refused, " in out and why in out
            assert "(reduced" not in out


def test_a_monitor_hears_the_same_events_in_the_same_order(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("verify", "chain-suspicion", "--only", "no_write_in_a_sealed_epoch", "--reduce")
    code, out, _ = rayproof(monkeypatch, capsys, *options, "invisible")
    assert code == 0 and "holds (reduced: invisible steps, gate " in out
    _, out, _ = rayproof(monkeypatch, capsys, *options, "symmetry")
    assert "symmetry: refused, it changes the names that no_write_in_a_sealed_epoch folds" in out


def test_symmetry_is_refused_where_a_scenario_tells_its_slots_apart() -> None:
    for entry in ENTRIES:
        if gate_of(entry) is entry and entry.name not in ("replay", "replay-checkpoint"):
            scenario = replace(entry.build(None, {}), statements=())
            assert gate(scenario, REDUCTIONS["symmetry"]).refused == f"{entry.name} tells all its slots apart"


def test_callers_are_interchangeable_together_with_their_calls(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = rayproof(monkeypatch, capsys, "verify", "replay", "--reduce", "symmetry")
    assert code == 0 and "18,984 states" in out
    assert "reduction symmetry: 2.0 times fewer states at the gate" in out
    options = ("--reduce", "symmetry", "--only", "every_state_follows_the_chain", "--bug", "begins_anew")
    code, out, _ = rayproof(monkeypatch, capsys, "verify", "replay", *options)
    assert code == 1 and "VIOLATED every_state_follows_the_chain" in out


def test_engines_that_know_no_reductions_say_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for engine in ("vector", "exact"):
        options = ("--engine", engine, "--reduce", "invisible", "--only", "no_lost_objects")
        code, out, _ = rayproof(monkeypatch, capsys, "verify", "cluster-wide", *options)
        assert code == 0 and f"invisible steps: refused, the {engine} engine knows no reductions" in out


def test_explore_counts_what_a_reduction_leaves(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--reduce", "invisible", "--only", "inprocess_requests")
    code, out, _ = rayproof(monkeypatch, capsys, "explore", "chain-3-2-1", *options)
    assert code == 0 and out.startswith("chain-3-2-1: 2,167 states, ")
    assert "reduction invisible steps: 6.0 times fewer states at the gate" in out and "never exercised" not in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("verify", "chain-3-2-1", "--reduce", "steam"), "unknown reduction 'steam'"),
        (("verify", "chain-3-2-1", "--reduce", ""), "unknown reduction ''"),
        (("verify", "chain-3-2-1", "--driver", "walk", "--reduce", "auto"), "walks know no reductions"),
        (("verify", "chain-3-2-1", "--only", "all_is_well"), "no such statement 'all_is_well'"),
        (("explore", "chain-3-2-1", "--reduce", "auto", "--graph", "f.dot"), "a picture shows all states"),
        (("explore", "chain-3-2-1", "--only", "update_propagation"), "explore asks for no statement"),
    ],
)
def test_what_makes_no_sense_is_bad_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], says: str
) -> None:
    code, _, err = rayproof(monkeypatch, capsys, *words)
    assert code == 2 and says in err


def test_every_larger_scenario_has_a_gate() -> None:
    larger = [entry for entry in ENTRIES if entry.scope is not Scope.TINY]
    assert {entry.name for entry in larger} <= set(GATES)
    assert all(CATALOGUE[name].scope is Scope.TINY for name in GATES.values())
    stranger = replace(CATALOGUE["chain-3-3-2"], name="stranger")
    found = explore_entry(stranger, replace(HOUSE, statements=()), INVISIBLE)
    assert found.reductions == ("invisible steps: refused, no tiny scope of the family of stranger is known",)


def test_names_are_taken_once_and_in_their_order() -> None:
    assert [r.name for r in wanted("symmetry, invisible,symmetry")] == ["symmetry", "invisible steps"]
    assert wanted("auto") == tuple(REDUCTIONS.values()) and wanted(None) == ()


REFUSED = {"forgets_the_newcomer": "its gate chain-extension has no fault crash, which strikes here"}
"""What a gate cannot show, as nothing fails in it."""


@pytest.mark.parametrize("bug", CHAIN_BUGS, ids=lambda bug: bug.name)
def test_planted_bugs_are_found_with_the_gate_on_the_broken_model_itself(bug: Bug) -> None:
    (entry,) = only([CATALOGUE[bug.scenario]], [bug.statement])
    broken = entry.build(None, bug.replaces)
    found = explore_entry(entry, broken, INVISIBLE, swap=bug.replaces)
    assert found.verdict is Verdict.VIOLATED and found.violation is not None
    assert found.violation.statement == bug.statement
    (statement,) = broken.statements
    why = REFUSED.get(bug.name)
    assert found.reduced == (statement.kind in REDUCIBLE and why is None), found.reductions
    assert why is None or found.reductions == (f"invisible steps: refused, {why}",)
    again = replay(broken, found.violation.steps).violation
    assert again is not None and again.statement == bug.statement
    if found.states < 2_000:
        shortest = explore(broken).violation
        assert shortest is not None and len(shortest.steps) <= len(found.violation.steps)


def test_a_bug_that_the_gate_of_the_sound_model_does_not_show_is_found() -> None:
    """It lies in an order of two deliveries that only the broken model tells apart."""
    (bug,) = (bug for bug in CHAIN_BUGS if bug.name == "compares_on_rejoin")
    (entry,) = only([CATALOGUE["chain-restart"]], [bug.statement])
    broken = entry.build(None, bug.replaces)
    found = explore_reduced(broken, entry.build(None, {}), INVISIBLE)
    assert found.verdict is Verdict.VIOLATED and found.reduced
