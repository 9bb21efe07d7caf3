"""Verdicts, and what a run found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from rayproof.model.kernel.judging.coverage import NOTHING, Coverage
from rayproof.model.kernel.language.steps import Taken


class Verdict(StrEnum):
    """The answer about a statement, a scenario or a whole command; the exit code is in `EXIT_CODES`."""

    HOLDS = "holds"
    VIOLATED = "violated"
    KNOWN = "known"
    """Broken as real Ray breaks it, with the issue's number."""
    UNDETERMINED = "undetermined"
    """A cap, an interrupt or an engine that does not decide this kind; never a pass."""


EXIT_CODES = {Verdict.HOLDS: 0, Verdict.KNOWN: 0, Verdict.VIOLATED: 1, Verdict.UNDETERMINED: 3}


INTERRUPTED_NOTE = "interrupted"
"""How the note of a result begins when Ctrl-C has ended the run."""

OUT_OF_MEMORY = "the memory of the machine was used up"
"""The note of a result whose run was ended by it."""

SEARCH_ENDED = "the search ended at another violation"
WALKS_ENDED = "the walks ended at another violation"
"""Why a search has no answer about a statement that another one was broken before."""


def combine(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict over several: violated beats undetermined beats known beats holds."""
    found = set(verdicts)
    for verdict in (Verdict.VIOLATED, Verdict.UNDETERMINED, Verdict.KNOWN):
        if verdict in found:
            return verdict
    return Verdict.HOLDS


@dataclass(frozen=True)
class Violation:
    """A broken statement, or a broken rule of a policy hook, and the steps that lead there."""

    statement: str
    sentence: str
    steps: tuple[Taken, ...]
    source: str = ""
    loop: int | None = None
    """Number of the step at which a lasso's loop begins, counted from 1; the last step closes it."""


@dataclass(frozen=True)
class StatementResult:
    """The answer about one statement in one scenario."""

    name: str
    kind: str
    verdict: Verdict
    note: str = ""


@dataclass(frozen=True)
class Result:
    """What a driver found about one scenario."""

    scenario: str
    component: str
    driver: str
    verdict: Verdict
    states: int
    transitions: int
    depth: int
    cpu_s: float
    statements: tuple[StatementResult, ...]
    violation: Violation | None = None
    note: str = ""
    """Why the answer is undetermined."""
    reductions: tuple[str, ...] = ()
    """The reductions that were asked for: what each saved at its gate, or why it was refused."""
    reduced: bool = False
    """Whether one of them was in use; the counts are then those of a part of the states."""
    caveat: str = ""
    """What the verdict rests on beside the search: reductions, and the size of the gate that they passed."""
    walks: int = 0
    handler_runs: int = 0
    peaks: dict[tuple[str, str], int] = field(default_factory=dict)
    """Largest size seen of each (slot, field); from explore."""
    collision: float = 0.0
    """Bound on the probability that two states were taken for one, 0 when states are kept."""
    engine: str = ""
    """How explore kept its states: integers, vector or exact."""
    coverage: Coverage = NOTHING
    """What the run exercised of the model; from explore."""

    @property
    def answer(self) -> str:
        """The verdict in words, with what it rests on."""
        sure = not self.caveat or self.verdict is Verdict.VIOLATED
        return str(self.verdict) if sure else f"{self.verdict} ({self.caveat})"
