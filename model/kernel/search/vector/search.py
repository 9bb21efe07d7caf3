"""Explore, vectorised: breadth first over chunks of rows, for scopes too large for the integer engine.

The states are known by 64-bit fingerprints, so that the answer *holds* only with a probability: n states collide
somewhere with a chance of at most n^2 / 2^65. In the exact mode every row is kept, a fingerprint that was met before is
compared with the row it stands for, and a collision ends the search as undetermined. Source of the method: hash
compaction (Wolper and Leroy 1993; Stern and Dill 1995), with the fingerprint length of TLC.

Decided here: `always`, `sometimes` and `audit`. What compares states (`step`, `refines`) or needs the graph
(`eventually`, `leads_to`, `progress`) is left to the integer engine.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from rayproof.model.kernel.judging.verdicts import Result, Violation
from rayproof.model.kernel.language.scenario import Scenario
from rayproof.model.kernel.language.statements import Statement, StatementKind
from rayproof.model.kernel.language.steps import Taken
from rayproof.model.kernel.search.explore import Explorer, Limits, Report
from rayproof.model.kernel.search.vector.expand import Batch, Expander
from rayproof.model.kernel.search.vector.tables import Collision, ExactSet, FingerprintSet, Words

CHUNK = 1 << 16
"""Rows expanded at once; smaller chunks pay too much for each pass."""

VECTORISED = frozenset({StatementKind.ALWAYS, StatementKind.SOMETIMES, StatementKind.AUDIT})
"""Kinds of statements that this engine decides."""


class StatementReader(Protocol):
    """A statement and the columns it reads."""

    statement: Statement

    def holds(self, fields: tuple[int, ...]) -> bool:
        """The answer in a state."""
        ...

    def columns(self) -> tuple[int, ...]:
        """Columns on which the answer depends."""
        ...


@dataclass(frozen=True)
class Piece:
    """Rows of one level and their words."""

    rows: Any
    words: Words


class VectorExplorer(Explorer):
    """The search of `Explorer` over rows; how statements are read and answers are put together is the same."""

    def __init__(
        self,
        scenario: Scenario,
        statements: Iterable[Statement] | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        on_progress: Report | None = None,
        *,
        exact: bool = False,
        chunk: int = CHUNK,
    ) -> None:
        super().__init__(scenario, statements, limits, on_progress)
        unfit = [s.name for s in self.statements if s.kind not in VECTORISED]
        if unfit:
            raise ValueError(f"the vectorised engine does not decide {', '.join(unfit)}")
        self.seen = ExactSet() if exact else FingerprintSet()
        self._expander = Expander(self.transitions, self.seen)
        self._chunk = chunk
        self._exact = exact
        self.engine = "exact" if exact else "vector"
        self._words: list[Words] = []
        self._origins: list[Any] = []
        self._total = 0
        readers = (*self._views, *self._sometimes, *self._audits)
        self._judged = {id(reader): FingerprintSet() for reader in readers}
        self._met = {id(reader): np.zeros(64, bool) for reader in readers}
        """For a statement that reads one column, which of its values were judged."""

    @property
    def bytes_per_state(self) -> float:
        """Memory of fingerprints and parents for each state; rows that the exact mode keeps are not counted."""
        kept = sum(words.nbytes for words in self._words) + sum(some.nbytes for some in self._origins)
        return float(self.seen.bytes + kept) / max(self._total, 1)

    def state_count(self) -> int:
        """States found."""
        return self._total

    # ---- the search -------------------------------------------------------------------------------------------------

    def _search(self) -> tuple[Violation | None, str]:
        first = self._expander.row(self.transitions.initial)
        rows = np.array([first], np.uint16)
        words = np.array([self._expander.word_of(first)], np.uint64)
        self._expander.fresh(words, lambda: rows)
        self._words, self._origins, self._total = [words], [np.zeros(1, np.uint32)], 1
        broken = self._judge_start()
        if broken is not None:
            return self._violation(broken, 0, None), ""
        frontier = deque([Piece(rows, words)])
        base = 0
        try:
            while frontier:
                following: deque[Piece] = deque()
                while frontier:
                    chunk = self._taken_off(frontier)
                    found: list[Batch] = []
                    violation = self._expand(chunk.rows, chunk.words, base, found)
                    self._count = self._expander.steps
                    if found:
                        following.append(Piece(self._joined(found), np.concatenate([each.words for each in found])))
                        self._words.append(following[-1].words)
                    if violation is not None:
                        return violation, ""
                    base += len(chunk.words)
                    note = self._cap(sum(len(piece.words) for piece in (*frontier, *following)))
                    if note:
                        return None, note
                frontier = following
                if not frontier:
                    break
                self._depth += 1
                if self._depth >= self.scenario.depth_limit:
                    return None, f"the depth limit of {self.scenario.depth_limit} steps was reached"
                note = self._growth()
                if note:
                    return None, note
        except Collision:
            return None, "two states have one fingerprint, which only the integer engine can tell apart"
        return None, ""

    def _taken_off(self, frontier: deque[Piece]) -> Piece:
        """The next chunk; its rows leave the frontier, so that no level is ever in memory twice."""
        pieces = [frontier.popleft()]
        size = len(pieces[0].words)
        while frontier and size < self._chunk:
            pieces.append(frontier.popleft())
            size += len(pieces[-1].words)
        rows, words = self._joined(pieces), np.concatenate([piece.words for piece in pieces])
        if size > self._chunk:
            frontier.appendleft(Piece(rows[self._chunk :], words[self._chunk :]))
        return Piece(rows[: self._chunk], words[: self._chunk])

    def _expand(self, rows: Any, words: Words, base: int, found: list[Batch]) -> Violation | None:
        """Expand one chunk, whose first state is number `base`."""
        for batch in self._expander.expand(rows, words):
            self._total += len(batch.words)
            self._origins.append((base + batch.parents).astype(np.uint32))
            found.append(batch)
            if self._expander.flaws:
                break
            for reader in (*self._views, *self._sometimes):
                failed = self._judge_rows(reader, batch.rows)
                if failed is not None:
                    steps = self._steps_to(base + int(batch.parents[failed]), int(batch.words[failed]))
                    return Violation(reader.statement.name, reader.statement.sentence, steps, reader.statement.source)
        if self._expander.flaws:
            position, outcome = self._expander.flaws[0]
            broken = self._judge_step(0, 0, outcome)
            assert broken is not None
            return self._violation(broken, base + position, outcome)
        resting = np.flatnonzero(self._expander.quiescent)
        self.quiescent_states += len(resting)
        for reader in self._audits:
            failed = self._judge_rows(reader, rows[resting])
            if failed is not None:
                return self._violation(reader.statement, base + int(resting[failed]), None)
        return None

    def _judge_rows(self, reader: StatementReader, rows: Any) -> int | None:
        """Evaluate a statement on what it reads of some rows; the first row that breaks it."""
        statement = reader.statement
        if statement.name in self._happened or not len(rows):
            return None
        for position in self._unjudged(reader, self._expander.widened(rows)):
            holds = reader.holds(tuple(rows[position].tolist()))
            if statement.kind is StatementKind.SOMETIMES:
                if holds:
                    self._happened.add(statement.name)
                    return None
            elif not holds and not self._is_known(statement):
                return position
        return None

    def _unjudged(self, reader: StatementReader, rows: Any) -> list[int]:
        """Positions of rows that show a statement what it has not seen yet."""
        columns = reader.columns()
        if len(columns) == 1:
            # One process or one monitor: its states have small numbers, which need no fingerprints.
            values = rows[:, columns[0]]
            met = self._met[id(reader)]
            most = int(values.max())
            if most >= len(met):
                met = self._met[id(reader)] = np.concatenate((met, np.zeros(most + 1, bool)))
            new = np.flatnonzero(~met[values])
            if len(new):
                _, first = np.unique(values[new], return_index=True)
                new = new[np.sort(first)]
                met[values[new]] = True
            return list(map(int, new))
        table = self._expander.relation.words()
        words = np.full(len(rows), 1, np.uint64)
        for column in columns:
            words ^= table[column][rows[:, column]]
        return list(map(int, np.flatnonzero(self._judged[id(reader)].add(words))))

    def _joined(self, several: Sequence[Piece | Batch]) -> Any:
        wide = [self._expander.widened(each.rows) for each in several]
        return np.concatenate(wide) if len(wide) > 1 else wide[0]

    # ---- traces -----------------------------------------------------------------------------------------------------

    def path(self, position: int) -> tuple[Taken, ...]:
        """A shortest way to the state found as number `position`, read off forwards by the fingerprints on the way."""
        origins = np.concatenate(self._origins)
        words = np.concatenate(self._words)
        chain = [position]
        while chain[-1]:
            chain.append(int(origins[chain[-1]]))
        chain.reverse()
        state = self.transitions.initial
        steps = []
        for number in chain[1:]:
            state, taken = self._step_to(state, int(words[number]))
            steps.append(taken)
        self._here = state
        return tuple(steps)

    def _steps_to(self, parent: int, word: int) -> tuple[Taken, ...]:
        steps = self.path(parent)
        return (*steps, self._step_to(self._here, word)[1])

    def _step_to(self, state: int, word: int) -> tuple[int, Taken]:
        found, _ = self.transitions.successors(state)
        return next((new, o.taken) for new, o in found if self._expander.word_of(self._expander.row(new)) == word)

    _here = 0
    """The state that `path` has led to."""

    def states(self) -> list[int]:
        """Not kept: this engine knows fingerprints only."""
        raise NotImplementedError("the vectorised engine keeps no states")

    def _result(self, violation: Violation | None, note: str) -> Result:
        return replace(super()._result(violation, note), collision=0.0 if self._exact else self._total**2 / 2.0**65)
