"""One recording, all questions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rayproof.conformance.answers import Answer, Decided
from rayproof.conformance.outcomes.history import History, read_history
from rayproof.conformance.outcomes.methods import method_questions
from rayproof.conformance.outcomes.results import result_questions
from rayproof.conformance.outcomes.search import ALL, LIMIT, cost, decide
from rayproof.model.kernel import Verdict

Progress = Callable[[int, int], None]
"""(questions answered, states searched) -> None"""


@dataclass(frozen=True)
class Outcomes:
    """What the model says of one recording's outcomes."""

    name: str
    decided: tuple[Decided, ...]

    @property
    def refused(self) -> tuple[Decided, ...]:
        """The outcomes that no run of the model has."""
        return tuple(one for one in self.decided if one.answer is Answer.REFUSED)

    @property
    def verdict(self) -> Verdict:
        """Violated when something is refused, else undetermined when something is, or when nothing was asked."""
        if self.refused:
            return Verdict.VIOLATED
        if not self.decided or any(one.answer is Answer.UNDETERMINED for one in self.decided):
            return Verdict.UNDETERMINED
        return Verdict.HOLDS


def check_outcomes(
    recording: str | Path | History, limit: int = LIMIT, budget: int = ALL, report: Progress | None = None
) -> Outcomes:
    """Ask about every object that is read, every task and every actor's calls; raises `InputError`.

    `limit`: states of one search after which its answer is undetermined; `budget`: of all together.
    """
    history = recording if isinstance(recording, History) else read_history(recording)
    decided: list[Decided] = []
    searched = 0
    for source in (result_questions, method_questions):
        for question in source(history):
            decided.append(decide(question, limit, budget - searched))
            searched += cost(question, decided[-1])
            if report is not None:
                report(len(decided), searched)
    return Outcomes(history.recording.name, tuple(decided))
