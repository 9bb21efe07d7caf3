"""What the states of one slot say about its timers and about life, as arrays over process states."""

from __future__ import annotations

from typing import Any

import numpy as np

from rayproof.model.kernel.language.errors import ModelError
from rayproof.model.kernel.language.process import TimerKind
from rayproof.model.kernel.relation.transitions import Transitions
from rayproof.model.kernel.search.vector.tables import Bools, Ints


class TimerTables:
    """What the states of one slot say about timers and about life, as arrays over process states."""

    def __init__(self, transitions: Transitions, slot: int) -> None:
        self._model = transitions
        self._slot = slot
        self._known = 0
        self.fires: list[Bools] = []
        """For each timer number, the states in which it fires at any time."""
        self.waits: list[Bools] = []
        """For each timer number, the states in which it waits for silence."""
        self._live = np.zeros(16, bool)
        self._eager = np.zeros(16, bool)
        self._dead = np.zeros(16, bool)
        self._ticks = np.zeros(16, bool)
        self._lives = np.zeros(16, np.int64)

    def _sync(self) -> None:
        made = self._model.interner.locals[self._slot]
        if self._known == len(made):
            return
        if len(made) > len(self._live):
            size = 2 * len(made)
            for name in ("_live", "_eager", "_dead", "_ticks", "_lives"):
                setattr(self, name, np.resize(getattr(self, name), size))
            self.fires = [np.resize(some, size) for some in self.fires]
            self.waits = [np.resize(some, size) for some in self.waits]
        for local in range(self._known, len(made)):
            state = made[local]
            sources = self._model.sources(self._slot, local)
            if state.incarnation > 30:
                raise ModelError(f"{state.name} has come back more often than the vectorised engine can name")
            self._dead[local] = not state.alive
            self._lives[local] = 2 * state.incarnation + state.alive
            self._ticks[local] = any(source.ticking for source in sources)
            self._eager[local] = any(source.kind is TimerKind.EAGER for source in sources)
            self._live[local] = False
            while len(self.fires) < len(sources):
                self.fires.append(np.zeros(len(self._live), bool))
                self.waits.append(np.zeros(len(self._live), bool))
            for fires, waits in zip(self.fires, self.waits, strict=True):
                fires[local] = waits[local] = False
            for number, source in enumerate(sources):
                patient = source.kind in (TimerKind.PATIENT, TimerKind.EAGER)
                self.waits[number][local] = patient
                self.fires[number][local] = not patient and not source.ticking
                if not patient and source.kind is not TimerKind.PERIODIC:
                    self._live[local] = True
        self._known = len(made)

    @property
    def most(self) -> int:
        """The most timers that run in one state."""
        return len(self.fires)

    def live(self, locals_: Any) -> Bools:
        """Rows in which a timer that is no periodic one may fire at any time."""
        self._sync()
        found: Bools = self._live[locals_]
        return found

    def eager(self, locals_: Any) -> Bools:
        """Rows in which an eager timer runs."""
        self._sync()
        found: Bools = self._eager[locals_]
        return found

    def dead(self, locals_: Any) -> Bools:
        """Rows in which the process is down."""
        self._sync()
        found: Bools = self._dead[locals_]
        return found

    def ticks(self, locals_: Any) -> Bools:
        """Rows in which a timer waits for ticks."""
        self._sync()
        found: Bools = self._ticks[locals_]
        return found

    def lives(self, locals_: Any) -> Ints:
        """Incarnation and life of the process, as one number below 64."""
        self._sync()
        found: Ints = self._lives[locals_]
        return found
