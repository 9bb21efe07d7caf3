"""The table of exit codes, and the guard that makes every end of the program one of them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rayproof import exits
from rayproof.errors import InputError
from rayproof.exits import Exit, Interrupted, guarded
from rayproof.model.kernel import EXIT_CODES, ModelError, Verdict
from tests.shared_data import PROJECT

TABLE = PROJECT / "docs" / "exit-codes.md"


def test_the_table_for_people_is_the_table_of_the_program() -> None:
    rows = re.findall(r"^\| (\d+) \| (\w+) \|", TABLE.read_text(encoding="utf-8"), re.M)
    assert [(int(code), name) for code, name in rows] == [(each.value, each.name) for each in Exit]
    assert EXIT_CODES == {Verdict.HOLDS: 0, Verdict.KNOWN: 0, Verdict.VIOLATED: 1, Verdict.UNDETERMINED: 3}


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (InputError("x", 3, "wrong", "right"), 2, "error: x:3: wrong; expected right"),
        (KeyboardInterrupt(), 130, "interrupted: nothing was decided"),
        (Interrupted("2 of 3 were decided"), 130, "interrupted: 2 of 3 were decided"),
        (MemoryError(), 3, "undetermined: out of memory"),
        (ModelError("impossible \x1b[2J"), 70, r"ModelError at test_exit_codes.py:\d+: impossible \\x1b\[2J"),
        (RecursionError("too deep"), 70, "RecursionError"),
        (SystemExit(0), 70, "SystemExit"),
        (GeneratorExit(), 70, "GeneratorExit"),
        (OSError(28, "No space left on device", "some/file"), 70, "No space left"),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates"), 70, "UnicodeEncodeError"),
    ],
)
def test_every_end_has_its_code_and_its_line(
    capsys: pytest.CaptureFixture[str], raised: BaseException, code: int, said: str
) -> None:
    def run() -> int:
        raise raised

    assert guarded(run) == code
    out, err = capsys.readouterr()
    assert re.search(said.replace("[2J", "[2J") if code == 70 else re.escape(said), err) and not out
    assert "Traceback" not in err and "\x1b" not in err
    if code == 70:
        assert err.startswith("error in rayproof, not in your input: ") and exits.HOW_TO_REPORT in err


def test_a_defect_whose_message_cannot_be_had_is_one_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    class Silent(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def run() -> int:
        raise Silent

    assert guarded(run) == Exit.DEFECT and "Silent" in capsys.readouterr().err


def rayproof(*arguments: str, redirect: str = "", **environment: str) -> tuple[int, str]:
    """Exit code and standard error of the program in a shell, which can close or redirect what it writes to."""
    command = f'exec "$0" -m rayproof "$@" {redirect}'
    done = subprocess.run(
        ["bash", "-c", command, sys.executable, *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(("redirect", "why"), [(">&-", "is closed"), (">/dev/full", "is a device that is always full")])
def test_a_standard_output_that_takes_nothing_is_refused_before_the_work(redirect: str, why: str) -> None:
    code, err = rayproof("verify", "cluster-3-4-1", redirect=redirect)
    assert code == Exit.BAD_INPUT and why in err and "Traceback" not in err


def test_what_a_terminal_cannot_encode_is_escaped(tmp_path: Path) -> None:
    code, err = rayproof("replay", f"{tmp_path}/caf\u00e9.json", redirect=">/dev/null", PYTHONIOENCODING="ascii")
    assert code == Exit.BAD_INPUT and "caf\\xe9.json: the file does not exist" in err


def test_a_closed_standard_error_hides_no_verdict() -> None:
    assert rayproof("verify", "cluster-3-3-0", redirect=">/dev/null 2>&-")[0] == Exit.HOLDS
    assert rayproof("verify", "nothing", redirect=">/dev/null 2>&-")[0] == Exit.BAD_INPUT


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_disk_that_fills_up_while_the_report_is_written_is_no_verdict(tmp_path: Path, unbuffered: str) -> None:
    # The limit on file sizes stands for the disk: the report is longer.
    shell = f'ulimit -f 1; trap "" XFSZ; exec "$0" -m rayproof statements > {tmp_path}/report'
    done = subprocess.run(
        ["bash", "-c", shell, sys.executable],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": unbuffered},
    )
    assert done.returncode == Exit.BAD_INPUT
    assert "cannot be written to standard output" in done.stderr and "no verdict" in done.stderr
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


def test_an_interrupt_before_the_program_is_read_is_an_interrupt() -> None:
    program = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import rayproof.__main__ as entry, builtins\n"
        "usual = builtins.__import__\n"
        "def imported(name, *rest):\n"
        "    if name == 'typer': signal.raise_signal(signal.SIGINT)\n"
        "    return usual(name, *rest)\n"
        "builtins.__import__ = imported\n"
        "entry.command_line()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (Exit.INTERRUPTED, "interrupted: nothing was begun\n")


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="there are no pipes that signal")
@pytest.mark.parametrize("command", ["verify cluster-3-3-0", "verify cluster-3-3-0 --json -", "statements"])
def test_a_pipe_that_is_closed_is_no_verdict(command: str) -> None:
    done = subprocess.Popen(
        [sys.executable, "-m", "rayproof", *command.split()],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert done.stdout is not None and done.stderr is not None
    done.stdout.close()
    said = done.stderr.read().decode()
    done.stderr.close()
    assert done.wait() == -signal.SIGPIPE and not said
