"""Scenarios from outside: the example protocols as an author runs them, and files that are not as they should be."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from rayproof import explore, outside
from rayproof.errors import InputError
from rayproof.model.kernel import Verdict
from rayproof.properties.catalogue import Scope
from tests.cli.test_commands import rayproof
from tests.shared_data import EXAMPLES, PROJECT

PROTOCOLS = sorted((EXAMPLES / "protocols").glob("*.py"))
LEASE = str(EXAMPLES / "protocols" / "lease.py")
PAGE = PROJECT / "docs" / "writing-a-protocol.md"


@pytest.mark.parametrize("path", PROTOCOLS, ids=lambda path: path.stem)
def test_an_example_holds_is_small_and_notices_its_bug(path: Path) -> None:
    assert len([line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]) < 100
    home = outside.home(str(path))
    assert home.bugs
    for entry in home.entries.values():
        result = explore(entry.build(None, {}))
        assert result.verdict is Verdict.HOLDS
        assert (result.states, result.transitions, result.depth) == entry.size
    for bug in home.bugs.values():
        found = explore(home.entries[bug.scenario].build(None, bug.replaces)).violation
        assert found is not None and found.statement == bug.statement


def test_the_page_quotes_the_example() -> None:
    page, text = PAGE.read_text(encoding="utf-8"), Path(LEASE).read_text(encoding="utf-8")
    quoted = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(quoted) == 5 and all(block in text for block in quoted)


def test_the_page_shows_what_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shown = re.findall(r"```\n\$ rayproof (.*?)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(shown) == 2
    for command, lines in shown:
        _, out, _ = rayproof(monkeypatch, capsys, *command.split(), "--out", str(tmp_path))
        assert all(line in out for line in lines.splitlines())


def test_a_counterexample_is_kept_replayed_and_followed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, _ = rayproof(
        monkeypatch, capsys, "verify", f"{LEASE}:lease", "--bug", "trusts_the_writer", "--out", str(tmp_path)
    )
    assert code == 1 and "VIOLATED writes_are_in_the_order" in out
    (trace,) = tmp_path.glob("*.json")
    assert '"file": ' in trace.read_text(encoding="utf-8")
    code, _, err = rayproof(monkeypatch, capsys, "replay", str(trace))
    assert code == 2 and "--trust to run it" in err
    code, out, _ = rayproof(monkeypatch, capsys, "replay", str(trace), "--trust")
    assert code == 1 and "store.accepted: (2,) -> (2, 1)" in out
    damaged = tmp_path / "damaged.json"
    damaged.write_text(trace.read_text(encoding="utf-8").replace("trusts_the_writer", "nobody"), encoding="utf-8")
    code, _, err = rayproof(monkeypatch, capsys, "replay", str(damaged), "--trust")
    assert code == 2 and "unknown planted bug 'nobody'" in err


def test_walks_and_sizes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = rayproof(monkeypatch, capsys, "verify", LEASE, "--driver", "walk", "--walks", "50")
    assert "lease  holds  50 walks" in out and code == 0
    code, out, _ = rayproof(monkeypatch, capsys, "explore", LEASE)
    assert code == 0 and out.startswith("lease: 55 states, 104 transitions, depth 8")


def test_a_counterexample_is_explained_in_one_call() -> None:
    home = outside.home(LEASE)
    broken = home.entries["lease"].build(None, home.bugs["trusts_the_writer"].replaces)
    said = explore(broken).explain()
    assert said.startswith("VIOLATED writes_are_in_the_order") and repr(said) == said
    assert said.splitlines()[-1] == "  => store accepts token 1 after token 2"
    sound = home.entries["lease"].build(None, {})
    assert explore(sound).explain() == "lease: holds, 55 states, 104 transitions, depth 8\n"


WRONG = {
    "nothing = 1\n": "no Scenario at its top level",
    "def broken(:\n": r"wrong\.py:1: not Python",
    "\nraise ValueError('oh')\n": r"wrong\.py:2: importing it raised ValueError: oh",
    "raise SystemExit(0)\n": "importing it raised SystemExit",
    "from rayproof import Scenario\nA = Scenario('a', 'x', {})\nSIZES = {'b': (1, 1, 1)}\n": "that it has not: b",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_file_that_offers_nothing_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "wrong.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=WRONG[text]):
        outside.entries_of(str(path))


def test_a_name_that_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="no such file"):
        outside.entries_of("missing.py")
    with pytest.raises(InputError, match="no scenario 'leases' in it; expected one of lease; the nearest: lease"):
        outside.entries_of(f"{LEASE}:leases")
    with pytest.raises(InputError, match="neither a component nor a scenario"):
        outside.chosen("nobody", Scope.TINY)
    with pytest.raises(InputError, match="unknown scenario 'nobody'"):
        outside.entry_of("nobody")


def test_a_package_offers_scenarios(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "offered_protocols.py").write_text(Path(LEASE).read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    points = [EntryPoint("locks", "offered_protocols", outside.GROUP)]
    monkeypatch.setattr(outside, "entry_points", lambda group: points if group == outside.GROUP else [])
    outside._offered.cache_clear()
    try:
        code, out, _ = rayproof(monkeypatch, capsys, "verify", "locks")
        assert code == 0 and "lease  holds  55 states" in out
        code, out, _ = rayproof(monkeypatch, capsys, "scenarios", "--json", "-")
        assert code == 0 and '"name": "lease"' in out
        points[:] = [EntryPoint("locks", "no_such_module", outside.GROUP)]
        outside._offered.cache_clear()
        with pytest.raises(InputError, match="importing no_such_module raised"):
            outside.entry_of("locks")
    finally:
        outside._offered.cache_clear()
