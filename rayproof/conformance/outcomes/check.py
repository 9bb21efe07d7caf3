"""One recording, all questions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rayproof.conformance.outcomes.history import History, read_history
from rayproof.conformance.outcomes.methods import method_questions
from rayproof.conformance.outcomes.results import result_questions
from rayproof.conformance.outcomes.script import Uncovered
from rayproof.conformance.outcomes.search import LIMIT, Answer, Decided, Question, decide
from rayproof.model.kernel import Verdict


@dataclass(frozen=True)
class Outcomes:
    """What the model says of one recording's outcomes."""

    name: str
    decided: tuple[Decided, ...]
    uncovered: tuple[Uncovered, ...]

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


def check_outcomes(recording: str | Path | History, limit: int = LIMIT) -> Outcomes:
    """Ask about every object that is read, every task and every actor's calls; raises `InputError`.

    `limit`: states of one search after which its answer is undetermined.
    """
    history = recording if isinstance(recording, History) else read_history(recording)
    decided: list[Decided] = []
    uncovered: list[Uncovered] = []
    for question in (*result_questions(history), *method_questions(history)):
        match question:
            case Question():
                decided.append(decide(question, limit))
            case Decided():
                decided.append(question)
            case Uncovered():
                uncovered.append(question)
    return Outcomes(history.recording.name, tuple(decided), tuple(uncovered))
