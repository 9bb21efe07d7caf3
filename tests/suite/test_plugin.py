"""`pytest properties/` as a user meets it: options, errors, counterexamples, what is kept, and the summary."""

import json
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

import pytest

from rayproof.counterexamples import OWN, load, shown
from rayproof.errors import InputError
from rayproof.model.scheduler.policy.built_in import BUILT_IN
from rayproof.suite.regression import assert_fixed
from tests.shared_data import EXAMPLES, PROJECT

pytest_plugins = ["pytester"]

SCOPES = str(PROJECT / "properties" / "test_scopes.py")
WHOLE = str(PROJECT / "properties" / "test_whole_cluster.py")
TIMED = str(PROJECT / "properties" / "test_timed.py")
CORPUS = str(PROJECT / "properties" / "test_corpus.py")


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """The suite in a process of its own, started in an empty folder."""
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", "-n", "0", *arguments)


def policy(pytester: pytest.Pytester, example: str, name: str = "mine.py") -> Path:
    """A copy of an example policy beside the user."""
    path = pytester.path / name
    path.write_text((EXAMPLES / "policies" / f"{example}.py").read_text(encoding="utf-8"), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("hypothesis-profile", "quik", "expected quick, ci, thorough, nightly; the nearest: quick"),
        ("rayproof-policy", "nobody", "expected a built-in name"),
        ("rayproof-policy", "missing.py", "no such file"),
        ("rayproof-edition", "ray3", "expected paper or ray2"),
        ("rayproof-only", "no_lost_objekts", "nearest: no_lost_objects"),
        ("rayproof-only", "zzz", "expected one that `rayproof statements` lists"),
        ("rayproof-seed", "-1", "expected a whole number"),
        ("rayproof-out", SCOPES, "expected a folder"),
        ("rayproof-out", f"{SCOPES}/below/it", f"{SCOPES} is a file; expected a folder"),
    ],
)
def test_bad_values_end_in_usage_errors(pytester: pytest.Pytester, option: str, value: str, said: str) -> None:
    result = run(pytester, SCOPES, f"--{option}={value}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert said in result.stderr.str() and "Traceback" not in result.stderr.str()


def test_other_projects_know_nothing_of_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_nothing() -> None: pass")
    assert run(pytester).ret == pytest.ExitCode.OK
    result = run(pytester, "--rayproof-seed=1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR and "unrecognized arguments" in result.stderr.str()


def test_header_summary_and_junit(pytester: pytest.Pytester) -> None:
    junit = pytester.path / "junit.xml"
    chosen = "test_exhausted and (cluster-wide or today-group-halves)"
    result = run(pytester, SCOPES, "-k", chosen, f"--junitxml={junit}")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "rayproof: rayproof *, python *, hypothesis *, z3-solver *, model *",
            "rayproof: profile quick: 100 random schedules a scenario, * runs a readable machine",
            "rayproof: policy: each scenario's own, edition: both, only: every statement, seed: 0, out: *",
            "statement * holds * violated * known * vacuous * undetermined *",
            "no_lost_objects * 1 * 2,034 * 6,406 * 0",
            "  groups_do_not_wait_for_each_other in today-group-halves: known *",
            "* statements in 2 scenarios: * holds, 1 known; seed 0",
        ]
    )
    root = ElementTree.parse(junit).getroot()
    found = {item.get("name"): item.get("value") for item in root.iter("property")}
    assert found["rayproof:explore:cluster-wide:no_lost_objects"] == "holds cases=2034 steps=6406 seed=0"
    assert found["rayproof.profile"] == "quick" and found["rayproof.seed"] == "0"


def test_workers_draw_from_one_seed_and_report_to_one_table(pytester: pytest.Pytester) -> None:
    arguments = (SCOPES, WHOLE, "-k", "cluster-wide or owner-programs", "--hypothesis-profile=ci")
    alone = run(pytester, *arguments, "--rayproof-seed=5", "-v")
    shared = run(pytester, *arguments, "--rayproof-seed=5", "-v", "-n", "2")
    assert alone.ret == shared.ret == pytest.ExitCode.OK
    for result in (alone, shared):
        result.stdout.fnmatch_lines(["rayproof: profile ci: 400 random schedules a scenario, *"])
    tables = [re.findall(r"^.*(?: seed 5|  5|holds  .*)$", result.stdout.str(), re.M) for result in (alone, shared)]
    assert tables[0] == tables[1] and len(tables[0]) > 20


def test_only_one_statement_or_one_edition(pytester: pytest.Pytester) -> None:
    result = run(pytester, SCOPES, "--rayproof-only=restarts_bounded", "-k", "exhausted")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["restarts_bounded * 6 *", "1 statements in 6 scenarios: 6 holds; seed 0"])
    drivers = str(PROJECT / "properties" / "test_placement.py")
    result = run(pytester, drivers, "--rayproof-only=restarts_bounded")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result = run(pytester, SCOPES, "--rayproof-edition=ray2", "--collect-only", "-q", "-k", "exhausted")
    text = result.stdout.str()
    assert "today-plain" in text and "migration" in text and "chain-3-2-1" not in text and "deselected" in text


BROKEN = {
    "bad_always_waits": "eventual_scheduling",
    "bad_answer_type": "answer_type",
    "bad_dead_node": "legal_answer",
    "bad_hidden_randomness": "deterministic",
    "bad_raises": "no_exception",
}


@pytest.mark.parametrize("example", BROKEN)
def test_a_broken_policy_fails_usefully(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, example: str
) -> None:
    # Where it is set, pytest's short summary has the whole message of a failure.
    monkeypatch.setenv("CI", "true")
    mine = policy(pytester, example)
    asked = "whole-cluster or today-cluster or a_timed_run_ends or cut_short"
    result = run(pytester, WHOLE, TIMED, "-k", asked, f"--rayproof-policy={mine.name}")
    result.assert_outcomes(failed=5)
    text = result.stdout.str()
    seen = Counter(re.findall(r"^VIOLATED (\w+):", text, re.M))
    of_today = seen["no_body_waits_for_ever"] + seen["every_task_that_fits_ends"]
    assert seen[BROKEN[example]] + seen["every_request_answered"] + of_today == seen.total() == 5
    assert len(re.findall(r"^FAILED \S+ - VIOLATED .*\n(?=FAILED|=)", text, re.M)) == 5, "a line each in the summary"
    assert text.count("regression test: pytest ") == 5, "random and timed in both editions, and timed but cut short"
    assert f"VIOLATED {BROKEN[example]}:" in text and "program=driver:" in text
    # What draws behind the model's back may answer alike when it is carried out again for the print.
    assert "=> " in text or example == "bad_hidden_randomness"
    assert not re.search(r"Traceback|^\S+\.py:\d+|Falsifying|^E ", text, re.M), "a stack of the machinery"
    replayed = re.search(r"replay: (rayproof replay (\S+\.json))", text)
    assert replayed is not None and (pytester.path / replayed[2]).is_file()
    assert re.search(r"regression test: pytest \S+\.py", text)


def test_a_policy_that_prints_breaks_a_rule(pytester: pytest.Pytester) -> None:
    mine = policy(pytester, "bad_answer_type")
    text = mine.read_text(encoding="utf-8").replace("return ", "print('asked about', task.id)\n        return ")
    mine.write_text(text, encoding="utf-8")
    result = run(pytester, SCOPES, "-k", "test_exhausted and cluster-wide", f"--rayproof-policy={mine.name}")
    result.assert_outcomes(failed=1)
    said = "VIOLATED prints: policy bad_answer_type printed 'asked about t0\\n' when asked about t0"
    assert said in result.stdout.str()
    assert "Captured stdout" not in result.stdout.str()


def test_a_counterexample_is_kept_until_it_is_repaired(pytester: pytest.Pytester) -> None:
    mine = policy(pytester, "bad_always_waits")
    asked = ("-k", "test_exhausted and cluster-wide or found_before", f"--rayproof-policy={mine.name}")
    first = run(pytester, SCOPES, *asked)
    assert first.ret == pytest.ExitCode.TESTS_FAILED
    first.stdout.fnmatch_lines(["no_lost_objects * 1  *", "  eventual_scheduling in cluster-wide: violated *"])
    first.stdout.no_fnmatch_line("*: undetermined *")
    trace = pytester.path / ".rayproof" / "corpus" / "cluster-wide--eventual_scheduling.json"
    test = pytester.path / ".rayproof" / "test_cluster_wide_eventual_scheduling.py"
    document = json.loads(trace.read_text(encoding="utf-8"))
    assert document["scenario"]["parameters"]["policy"] == "../../mine.py", "relative to the trace"
    assert len(document["scenario"]["parameters"]["found_with"]["policy"]) == 12

    # Replayed first, before anything else is looked for.
    second = run(pytester, SCOPES, CORPUS, *asked[:-1], f"--rayproof-policy=./{mine.name}", "-x")
    second.stdout.fnmatch_lines(["*test_found_before*cluster-wide--eventual_scheduling*", "VIOLATED eventual_sch*"])
    second.assert_outcomes(failed=1)
    run(pytester, str(test)).assert_outcomes(failed=1)

    policy(pytester, "least_queue")
    run(pytester, str(test)).assert_outcomes(passed=1)
    third = run(pytester, SCOPES, CORPUS, *asked, "-rs")
    assert third.ret == pytest.ExitCode.OK
    fourth = run(pytester, CORPUS, "-rs")
    fourth.assert_outcomes(skipped=1)
    fourth.stdout.fnmatch_lines(["*stale counterexample * found with the policy mine.py, not with none*"])


def test_a_counterexample_is_found_again_from_anywhere(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = policy(pytester, "bad_answer_type")
    only = ("-k", "test_exhausted and cluster-wide or found_before")
    run(pytester, SCOPES, *only, f"--rayproof-policy={mine}").assert_outcomes(failed=1)
    (trace,) = (pytester.path / ".rayproof" / "corpus").iterdir()
    (test,) = (pytester.path / ".rayproof").glob("test_*.py")
    elsewhere = pytester.mkdir("elsewhere")
    monkeypatch.chdir(elsewhere)
    assert "VIOLATED answer_type" in shown(load(trace), trace, OWN).text
    with pytest.raises(AssertionError, match="VIOLATED answer_type"):
        assert_fixed(trace)
    # The folder moves with the policy in it.
    moved = pytester.path / "moved"
    moved.mkdir()
    for there in (mine, trace.parent.parent):
        there.rename(moved / there.name)
    run(pytester, str(moved / ".rayproof" / test.name)).assert_outcomes(failed=1)
    (moved / mine.name).unlink()
    with pytest.raises(InputError, match=r"moved/mine\.py: no such file"):
        assert_fixed(moved / ".rayproof" / "corpus" / trace.name)


def test_a_counterexample_that_breaks_something_else_now_is_not_repaired(pytester: pytest.Pytester) -> None:
    mine = policy(pytester, "bad_always_waits")
    asked = ("-k", "test_exhausted and cluster-wide or found_before", f"--rayproof-policy={mine.name}")
    run(pytester, SCOPES, *asked).assert_outcomes(failed=1)
    (test,) = (pytester.path / ".rayproof").glob("test_*.py")
    policy(pytester, "bad_answer_type")
    for result in (run(pytester, CORPUS, *asked), run(pytester, str(test))):
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["*VIOLATED answer_type: *", "*which broke eventual_scheduling before*"])


def test_a_damaged_counterexample_is_passed_over_with_its_reason(pytester: pytest.Pytester) -> None:
    folder = pytester.path / "kept" / "corpus"
    folder.mkdir(parents=True)
    (folder / "old.json").write_text("{}", encoding="utf-8")
    result = run(pytester, CORPUS, "--rayproof-out=kept", "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*stale counterexample old.json: *not a trace*"])


@pytest.mark.slow
@pytest.mark.parametrize("name", BUILT_IN)
def test_the_whole_suite_passes_with_every_built_in_policy(pytester: pytest.Pytester, name: str) -> None:
    result = run(pytester, str(PROJECT / "properties"), f"--rayproof-policy={name}", "-n", "2")
    assert result.ret == pytest.ExitCode.OK


def test_with_a_policy_only_that_runs_in_which_it_takes_part(pytester: pytest.Pytester) -> None:
    """No planted bug, no component without a policy, and no scope of a hook that it does not have."""
    result = run(pytester, str(PROJECT / "properties"), "--rayproof-policy=alpha_beta", "--collect-only", "-q")
    result.stdout.fnmatch_lines(["rayproof: * cases in which alpha_beta takes part"])
    cases = [line for line in result.outlines if "::" in line]
    assert f"rayproof: {len(cases)} cases in which alpha_beta takes part" in result.outlines
    assert any("test_exhausted[cluster-wide]" in case for case in cases)
    for other in ("planted_bug", "store-", "chain-3", "test_placement", "migration"):
        assert not any(other in case for case in cases), other
