"""`verify`: coverage, engines, caps, progress and Ctrl-C."""

import json
import re
import subprocess
import sys

import pytest

from rayproof import exercise
from rayproof.model.kernel import Progress
from rayproof.progress import Lines, line, live
from tests.cli.test_commands import rayproof
from tests.shared_data import PROJECT

WHERE = Progress(2_000_000, 30_000, 12, 4.0, 512)


def test_progress_of_one_line_each_ten_seconds_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    clock = iter([0.0, 4.0, 10.0, 19.0, 20.5])
    lines = Lines(lambda: next(clock))
    for _ in range(4):
        lines("wide", WHERE)
    said = capsys.readouterr()
    expected = "wide: 2,000,000 states, frontier 30,000, depth 12, 500,000 states/s, 512 MB"
    assert said.out == "" and said.err.splitlines() == [expected, expected] and line("wide", WHERE) == expected


def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with live() as report:
        report("wide", WHERE)
    said = capsys.readouterr()
    assert said.out == "" and "2,000,000 states, frontier 30,000, depth 12" in said.err


def test_a_pipe_is_told_where_a_long_run_stands() -> None:
    program = (
        "import sys, rayproof.progress as p; p.SECONDS_PER_LINE = 0; from rayproof.cli import main; "
        "sys.argv = ['rayproof', 'explore', 'chain-3-3-1']; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert "chain-3-3-1: " in done.stderr and "states/s" in done.stderr and "MB" in done.stderr
    assert done.stdout.startswith("chain-3-3-1: 124,541 states")


def test_a_scope_alone_is_not_judged_for_what_others_exercise(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = rayproof(monkeypatch, capsys, "verify", "cluster-wide")
    assert code == 0 and re.search(r"left to other scopes: \d+ handlers", out) and "slowest" not in out


def test_what_nothing_exercises_fails_the_run_unless_it_is_expected(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("sched-booting", "sched-gives-up")
    code, out, _ = rayproof(monkeypatch, capsys, "verify", *names)
    assert code == 0 and "never exercised, as expected: sched-booting: fault early_timeout" in out
    # Which of the two took longer is the machine's to say.
    seconds = {name: float(took) for name, took in re.findall(r"^(\S+)  holds .*, (\d+\.\d\d) s\b", out, re.M)}
    slowest = re.search(r"^slowest: (\S+), (\d+\.\d\d) of", out, re.M)
    assert slowest is not None and set(seconds) == set(names)
    assert float(slowest[2]) == seconds[slowest[1]] == max(seconds.values())
    with monkeypatch.context() as patch:
        patch.setattr(exercise, "EXPECTED_IDLE", {})
        patch.setattr("rayproof.verify.exercise", lambda done, entries: exercise.exercise(done, entries, {}))
        code, out, _ = rayproof(patch, capsys, "verify", *names)
        assert code == 1 and "never exercised: sched-booting: fault early_timeout" in out
        assert "verdict: violated" in out
        code, out, _ = rayproof(patch, capsys, "verify", *names, "--json", "-")
        report = json.loads(out)
        assert code == 1 and report["coverage"]["idle"] == ["sched-booting: fault early_timeout"]
    code, out, _ = rayproof(monkeypatch, capsys, "verify", *names, "--json", "-")
    report = json.loads(out)
    assert code == 0 and list(report["coverage"]["expected"]) == ["sched-booting: fault early_timeout"]
    assert report["slowest"] == "sched-gives-up"


@pytest.mark.parametrize(
    ("engine", "says"), [("vector", "holds (p <= 1e-13)"), ("exact", "holds"), ("integers", "holds")]
)
def test_the_engine_is_chosen_and_its_bound_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], engine: str, says: str
) -> None:
    code, out, _ = rayproof(monkeypatch, capsys, "verify", "sched-spread", "--engine", engine)
    assert code == 0 and f"sched-spread  {says}  1,954 states" in out and f"verdict: {says}  exhausted" in out


def test_an_engine_that_does_not_decide_a_statement_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = rayproof(monkeypatch, capsys, "verify", "cluster-3-3-0", "--engine", "vector")
    assert code == 3 and "the_program_ends: undetermined" in out and "does not decide" in out
    code, _, err = rayproof(monkeypatch, capsys, "verify", "--engine", "steam")
    assert code == 2 and "steam" in err


@pytest.mark.parametrize("engine", ["integers", "vector"])
@pytest.mark.parametrize(
    ("option", "says"),
    [
        (("--max-states", "20000"), "the cap of 20,000 states was reached"),
        (("--max-memory", "1"), "the cap of 1 MB was reached"),
        (("--budget", "0.05"), "the budget of 0.05 CPU seconds was spent"),
    ],
)
def test_every_cap_is_undetermined_and_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: tuple[str, str], says: str, engine: str
) -> None:
    code, out, _ = rayproof(monkeypatch, capsys, "verify", "chain-reads", "--engine", engine, *option)
    assert code == 3 and says in out and "verdict: undetermined" in out


def test_ctrl_c_says_what_is_known_so_far_with_either_engine() -> None:
    for engine in ("integers", "vector"):
        # The key is pressed when the second scenario is well under way.
        program = (
            # A job in the background starts with the signal ignored; a terminal's does not.
            "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
            "import sys, _thread, rayproof.progress as p; from rayproof.cli import main; "
            "p.Lines.__call__ = lambda self, name, at: "
            "_thread.interrupt_main() if name == 'chain-3-3-2' and at.states > 20_000 else None; "
            f"sys.argv = ['rayproof', 'verify', 'sched-spread', 'chain-3-3-2', '--engine', '{engine}']; main()"
        )
        done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=False)
        assert done.returncode == 130, done.stderr
        assert "sched-spread  holds" in done.stdout and "interrupted" in done.stdout
        assert "chain-3-3-2  undetermined  " in done.stdout and "chain-3-3-2  undetermined  0 states" not in done.stdout
        assert "Traceback" not in done.stderr
