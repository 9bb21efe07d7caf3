"""Prints of counterexamples are the same in every process, whatever the order of hashing."""

import os
import subprocess
import sys

PRINT = """
from rayproof.model.kernel.counterexample.replay import Change, Frame, Replayed
from rayproof.model.kernel.language.steps import Tick, Taken
from rayproof.model.kernel.counterexample.trace import Trace, render
sets = {0: {"first", "second", "third"}, 1: [{"x", "y"}]}
frame = Frame(Taken(Tick()), None, (Change("p", "needs", {}, sets), Change("p", "all", set(), sets[0])))
print(render(Trace("s", {}, "t", "It holds.", ()), Replayed((frame,), None)))
"""


def printed(seed: int) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
    return subprocess.run(
        [sys.executable, "-c", PRINT], env=environment, check=True, capture_output=True, text=True
    ).stdout


def test_sets_inside_other_values_are_printed_in_one_order() -> None:
    texts = {printed(seed) for seed in range(4)}
    assert len(texts) == 1
    text = texts.pop()
    assert "{'first', 'second', 'third'}" in text
    assert "[{'x', 'y'}]" in text
