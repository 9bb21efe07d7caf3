"""State graphs as files."""

from pathlib import Path

import networkx as nx
import pytest
import typer
from typer.testing import CliRunner

from model.kernel.explore import Explorer
from rayproof.commands.explore_graph import MOST_STATES, as_dot, as_networkx, register, write
from rayproof.errors import InputError
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
    states = write("cluster-wide", file, 3_000)
    again = nx.read_graphml(file)
    assert again.number_of_nodes() == states == 2_034
    assert again.number_of_edges() == 6_406


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
        write(scenario, tmp_path / file)
    assert not (tmp_path / file).exists()
    assert MOST_STATES < 6_728


def test_the_command(tmp_path: Path) -> None:
    app = typer.Typer()
    register(app)
    done = CliRunner().invoke(app, ["cluster-wide", "--graph", str(tmp_path / "w.gv"), "--max-states", "3000"])
    assert done.exit_code == 0, done.output
    assert "2034 states" in done.output
