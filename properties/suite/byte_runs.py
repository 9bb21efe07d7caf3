"""Random runs as Hypothesis draws them: one byte string each, cut into what breaks, what is built and what happens.

Hypothesis repeats parts of earlier examples wherever several draws have the same form. Of 1,500 examples with a byte
string each for program, schedule and faults, a third had a program of zeros and only 530 programs were different; with
a single byte string all 1,500 are.
"""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import strategies as st

FAULT_BYTES = 8
"""Enough for four faults: a byte says when one strikes, the next which it is."""


class Run(NamedTuple):
    """What `rayproof.model.kernel.search.walk` takes, and what a drawn scenario is made from."""

    shape: bytes
    schedule: bytes
    faults: bytes


def runs(shape: int = 0, shortest: int = 40, longest: int = 300) -> st.SearchStrategy[Run]:
    """Runs with so many bytes of shape and a schedule of `shortest` to `longest` bytes; faults may be none at all."""
    head = 1 + FAULT_BYTES + shape

    def cut(drawn: bytes) -> Run:
        return Run(drawn[1 + FAULT_BYTES : head], drawn[head:], drawn[1 : 1 + drawn[0] % (FAULT_BYTES + 1)])

    return st.binary(min_size=head + shortest, max_size=head + longest).map(cut)
