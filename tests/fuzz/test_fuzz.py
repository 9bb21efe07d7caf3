"""Whatever it is given, the program ends with a code of its table, one readable line, and nothing a terminal obeys.

Cases are drawn from a seed and run in this process. A case that hangs is ended by the suite's own limit.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from rayproof.cli import main
from rayproof.console import escaped
from tests.fuzz.cases import Case, Cases

EACH = 50
"""Cases of one test."""


def run_case(case: Case, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What is wrong about one run; nothing when all is well."""
    monkeypatch.setattr(sys, "argv", ["rayproof", *case.arguments])
    try:
        main()
    except SystemExit as left:
        code = left.code
    out, err = capsys.readouterr()
    wrong = []
    if code not in case.codes:
        wrong.append(f"exit code {code}, expected one of {sorted(case.codes)}")
    if "Traceback" in err or "Traceback" in out:
        wrong.append("a traceback")
    if escaped(out) != out or escaped(err) != err:
        wrong.append("control characters")
    if code == 2 and not ("expected" in err or "Usage" in err + out or "error: " in err):
        wrong.append("nothing says what was expected")
    if code in (0, 1, 3) and not (out or err):
        wrong.append("nothing was said")
    if code in (0, 1, 3) and out and case.arguments[-2:] == ("--json", "-"):
        json.loads(out)
    return [f"{case.arguments} ({case.what}): {each}\n{err[-500:]}" for each in wrong]


def run_batch(number: int, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(folder)
    cases = Cases(folder, number)
    wrong = [each for _ in range(EACH) for each in run_case(cases.next(), monkeypatch, capsys)]
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize("number", range(10))
def test_five_hundred_inputs(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_batch(number, tmp_path, monkeypatch, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(1_000, 1_060))
def test_three_thousand_inputs(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_batch(number, tmp_path, monkeypatch, capsys)
