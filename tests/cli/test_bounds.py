"""`rayproof bounds`: numbers for hops, waits and turns of others, and what goes round where there is none."""

import pytest
from typer.testing import CliRunner

from rayproof.cli import app
from rayproof.commands.bounds import bounds_of
from rayproof.commands.explore_graph import NotExhaustedError
from rayproof.errors import InputError
from rayproof.model.kernel import Limits

RUN = CliRunner()


def said(*arguments: str) -> tuple[int, str]:
    result = RUN.invoke(app, ["bounds", *arguments])
    return result.exit_code, result.stdout


def test_the_longest_run_and_the_most_hops() -> None:
    assert said("chain-3-2-1") == (0, "steps of any kind: at most 29 on any run\n")
    code, text = said("cluster-3-3-0", "* -> scheduler", "driver*")
    assert code == 0
    assert text.splitlines()[0] == "'* -> scheduler' (1 steps): at most 2 on any run"


def test_turns_of_others_while_a_claim_waits() -> None:
    code, text = said("chain-3-2-1", "*", "* -> client", "--while", "writes_get_answers")
    assert code == 0
    assert text.splitlines() == [
        "steps of any kind: at most 27 while writes_get_answers waits",
        "'* -> client' (4 steps): at most 6 while writes_get_answers waits",
    ]


def test_what_goes_round_is_named() -> None:
    code, text = said("chain-stale")
    assert code == 0
    assert text.startswith("steps of any kind: no bound on any run; again and again: replica0 -> client0 [unreachable]")
    (bounded,) = bounds_of("chain-stale", ["FAULT*"], None, Limits())
    assert bounded.most == 1 and not bounded.round


@pytest.mark.parametrize(
    ("scenario", "pattern", "claim", "said"),
    [
        ("chain-9", "*", None, "unknown scenario 'chain-9'"),
        ("chain-3-2-1", "raylet*", None, "no step fits 'raylet*'"),
        ("chain-3-2-1", "*", "writes_get_answer", "the nearest: writes_get_answers"),
        ("today-nested", "*", "anything", "no claim 'anything'"),
    ],
)
def test_names_that_are_unknown(scenario: str, pattern: str, claim: str | None, said: str) -> None:
    with pytest.raises(InputError, match=said.replace("*", r"\*")):
        bounds_of(scenario, [pattern], claim, Limits())


def test_a_scope_that_is_cut_short_has_no_bound() -> None:
    with pytest.raises(NotExhaustedError, match="the cap of 1,000 states was reached"):
        bounds_of("chain-3-2-1", ["*"], None, Limits(states=1000))
    assert said("chain-3-2-1", "--max-states", "1000")[0] == 3
