"""What the states of one slot say about its timers and about life, as arrays over process states."""

from __future__ import annotations

import numpy as np

from rayproof.model.kernel.language.errors import ModelError
from rayproof.model.kernel.language.process import TimerKind
from rayproof.model.kernel.relation.transitions import Transitions
from rayproof.model.kernel.search.vector.tables import Bools, Ints


class TimerTables:
    """What the states of one slot say about timers and about life, as arrays over process states."""

    def __init__(self, transitions: Transitions, slot: int) -> None:
        self._transitions = transitions
        self._slot = slot
        self._known = 0
        self.fires: list[Bools] = []
        """For each timer number, the states in which it fires at any time."""
        self.waits: list[Bools] = []
        """For each timer number, the states in which it waits for silence."""
        self.live: Bools = np.zeros(16, bool)
        """States in which a timer that is no periodic one may fire at any time."""
        self.eager: Bools = np.zeros(16, bool)
        """States in which an eager timer runs."""
        self.ticks: Bools = np.zeros(16, bool)
        """States in which a timer waits for ticks."""
        self.dead: Bools = np.zeros(16, bool)
        """States in which the process is down."""
        self.lives: Ints = np.zeros(16, np.int64)
        """Incarnation and life of the process, as one number below 64."""

    def sync(self) -> None:
        """Take in the process states that are new."""
        made = self._transitions.interner.locals[self._slot]
        if self._known == len(made):
            return
        if len(made) > len(self.live):
            size = 2 * len(made)
            for name in ("live", "eager", "ticks", "dead", "lives"):
                setattr(self, name, np.resize(getattr(self, name), size))
            self.fires = [np.resize(some, size) for some in self.fires]
            self.waits = [np.resize(some, size) for some in self.waits]
        for local in range(self._known, len(made)):
            state = made[local]
            sources = self._transitions.sources(self._slot, local)
            if state.incarnation > 30:
                raise ModelError(f"{state.name} has come back more often than the vectorised engine can name")
            self.dead[local] = not state.alive
            self.lives[local] = 2 * state.incarnation + state.alive
            self.ticks[local] = any(source.ticking for source in sources)
            self.eager[local] = any(source.kind is TimerKind.EAGER for source in sources)
            self.live[local] = False
            while len(self.fires) < len(sources):
                self.fires.append(np.zeros(len(self.live), bool))
                self.waits.append(np.zeros(len(self.live), bool))
            for fires, waits in zip(self.fires, self.waits, strict=True):
                fires[local] = waits[local] = False
            for number, source in enumerate(sources):
                patient = source.kind in (TimerKind.PATIENT, TimerKind.EAGER)
                self.waits[number][local] = patient
                self.fires[number][local] = not patient and not source.ticking
                if not patient and source.kind is not TimerKind.PERIODIC:
                    self.live[local] = True
        self._known = len(made)

    @property
    def most(self) -> int:
        """The most timers that run in one state."""
        return len(self.fires)
