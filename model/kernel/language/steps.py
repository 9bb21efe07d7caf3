"""Steps: the vocabulary that every driver shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from rayproof.model.kernel.language.faults import FaultKind
from rayproof.model.kernel.language.process import Name, Slot


@dataclass(frozen=True, slots=True)
class Deliver:
    """The first message of a link is received."""

    sender: Name
    receiver: Name
    channel: str = ""

    def __str__(self) -> str:
        via = f" [{self.channel}]" if self.channel else ""
        return f"{self.sender} -> {self.receiver}{via}"


@dataclass(frozen=True, slots=True)
class Fire:
    """An armed timer fires; `early` when something else was still enabled (an eager timer's false alarm)."""

    process: Name
    timer: str
    early: bool = False

    def __str__(self) -> str:
        return f"{self.process}: timer {self.timer} fires{' early' if self.early else ''}"


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passes for every tick timer."""

    def __str__(self) -> str:
        return "a tick passes"


@dataclass(frozen=True, slots=True)
class Recover:
    """A crash unit that the scenario calls recoverable comes back."""

    unit: str

    def __str__(self) -> str:
        return f"{self.unit} comes back"


@dataclass(frozen=True, slots=True)
class Heal:
    """A cut between two slots heals."""

    one: Slot
    other: Slot

    def __str__(self) -> str:
        return f"the link {self.one} - {self.other} heals"


@dataclass(frozen=True, slots=True)
class Fault:
    """The environment breaks something. `target`: a unit, "a|b" for a cut, "from|to|channel" for a link's message."""

    kind: FaultKind
    target: str

    def __str__(self) -> str:
        return f"FAULT {self.kind}: {self.target}"


Step: TypeAlias = Deliver | Fire | Tick | Recover | Heal | Fault


@dataclass(frozen=True, slots=True)
class Taken:
    """A step with the choices that its handlers made, in order (fault decisions inside handlers: 1 struck, 0 not)."""

    step: Step
    choices: tuple[int, ...] = ()
