"""State graphs as files."""

import re
from pathlib import Path

import networkx as nx
import pytest

from rayproof.commands.explore_graph import MOST_STATES, as_dot, as_networkx, write
from rayproof.errors import InputError
from rayproof.model.kernel import Explorer, Limits
from tests.cli.test_commands import rayproof
from tests.kernel.liveness.systems import coin, service


def test_the_graph_of_a_coin_in_dot() -> None:
    explorer = Explorer(coin(fair=True))
    explorer.run()
    assert as_dot(as_networkx(explorer.graph())).splitlines() == [
        "digraph states {",
        "  node [shape=box, fontsize=10];",
        "  edge [fontsize=9];",
        '  0 [label="0"];',
        '  1 [label="1\\ltosser: heads=True", peripheries=2];',
        '  0 -> 0 [label="tosser: timer toss fires [0]"];',
        '  0 -> 1 [label="tosser: timer toss fires [1]"];',
        "}",
    ]


def test_faults_are_marked() -> None:
    explorer = Explorer(service(crash=1), ())
    explorer.run()
    text = as_dot(as_networkx(explorer.graph()))
    assert 'label="FAULT crash: server", style=dashed' in text and "server is down" in text


def test_graphml_can_be_read_again(tmp_path: Path) -> None:
    file = tmp_path / "wide.graphml"
    states = write("cluster-wide", file, Limits(3_000))
    again = nx.read_graphml(file)
    assert again.number_of_nodes() == states == 2_034
    assert again.number_of_edges() == 6_406
    assert len(set(re.findall(r'<edge [^>]*id="(\d+)"', file.read_text(encoding="utf-8")))) == 6_406


def test_a_budget_that_is_spent_is_no_picture(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "chain.dot"
    options = ("--max-states", "50000", "--max-memory", "1")
    code, _, err = rayproof(monkeypatch, capsys, "explore", "chain-reads", "--graph", str(file), *options)
    assert code == 3 and "chain-reads was not exhausted: the cap of 1 MB was reached" in err and not file.exists()


@pytest.mark.parametrize(
    ("scenario", "file", "says"),
    [
        ("nothing", "g.dot", "unknown scenario"),
        ("cluster-wide", "g.png", "ending"),
        ("chain-3-2-1", "g.dot", "more than"),
    ],
)
def test_what_cannot_be_drawn_is_said(tmp_path: Path, scenario: str, file: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        write(scenario, tmp_path / file, Limits(MOST_STATES))
    assert not (tmp_path / file).exists()
    assert MOST_STATES < 6_728


def test_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "w.gv"
    code, out, _ = rayproof(
        monkeypatch, capsys, "explore", "cluster-wide", "--graph", str(file), "--max-states", "2034"
    )
    assert (code, out) == (0, f"{file}: 2,034 states\n") and file.read_text().startswith("digraph")
    code, _, err = rayproof(
        monkeypatch, capsys, "explore", "cluster-wide", "--graph", str(file), "--max-states", "2033"
    )
    assert code == 2 and "more than 2,033 states" in err and "--max-states" in err


@pytest.mark.parametrize("engine", ["auto", "integers", "vector", "exact"])
def test_without_a_file_the_size_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    code, out, _ = rayproof(monkeypatch, capsys, "explore", "cluster-wide", "--engine", engine)
    assert code == 0 and "cluster-wide: 2,034 states, 6,406 transitions, depth 25" in out
    assert f"engine: {'integers' if engine == 'auto' else engine};" in out
    assert "never exercised here: Raylet receives NodeDead" in out
    assert ("with p <= 1e-13" in out) == (engine == "vector")


def test_names_that_do_not_exist_and_caps(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = rayproof(monkeypatch, capsys, "explore", "clustr-wide")
    assert code == 2 and "unknown scenario 'clustr-wide'" in err and "the nearest: cluster-wide" in err
    code, out, _ = rayproof(monkeypatch, capsys, "explore", "cluster-wide", "--max-states", "100")
    assert code == 3 and "not exhausted: the cap of 100 states was reached" in out
