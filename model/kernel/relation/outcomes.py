"""What a step does, remembered: links with their columns, outcomes, timers. `transitions` says how they are used."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rayproof.model.kernel.language.errors import PolicyError
from rayproof.model.kernel.language.faults import FaultKind
from rayproof.model.kernel.language.links import LinkRule
from rayproof.model.kernel.language.process import Name, TimerKind
from rayproof.model.kernel.language.statements import Breach
from rayproof.model.kernel.language.steps import Deliver, Fire, Step, Taken
from rayproof.model.kernel.relation.interning import Stimulus

BITS = 32
MASK = (1 << BITS) - 1


@dataclass(slots=True, eq=False)
class Column:
    """A link that has been used: where its queue sits in the packed state and whom it reaches."""

    step: Deliver
    rule: LinkRule
    position: int
    shift: int
    sender: int
    receiver: int
    dead: set[int] = field(default_factory=set)
    """States of the receiving slot in which nobody listens at this address."""
    pops: dict[int, int] = field(default_factory=dict)
    """Queue -> difference of the packed state when its first message is taken."""
    entries: dict[tuple[int, int], Any] = field(default_factory=dict)
    """(receiver state, message) -> outcomes, or an `Ask`."""


@dataclass(slots=True, eq=False)
class Push:
    """Messages that one outcome puts on one link, in order."""

    column: Column
    burst: tuple[int, ...]
    table: dict[int, int]
    """Queue before -> difference of the packed state."""


@dataclass(slots=True, eq=False)
class Outcome:
    """What a step does: a difference for the processes, messages for links, a price, and what monitors see."""

    taken: Taken
    delta: int
    posts: tuple[tuple[Column, int], ...] = ()
    """Messages for links, in the order they were sent."""
    pushes: tuple[Push, ...] = ()
    """The same, by link: the quick way when every receiver lives."""
    mask: int = 0
    """Bit i is set when the process in slot i changes its state."""
    spent: tuple[FaultKind, ...] = ()
    observations: tuple[Any, ...] = ()
    error: PolicyError | None = None
    is_rare: bool = False
    """Whether only the general way tells the next state: it has a price, or puts messages on the link that it takes one
    from, or on an immediate one whose receiver is dead."""
    broken: Breach | None = None
    """The statement about single processes that the new process states break."""
    folds: dict[int, int] = field(default_factory=dict)
    """Monitors before -> difference of the packed state."""
    draws: tuple[bool, ...] = ()
    """Which of the step's choices were fair draws."""
    armed: tuple[tuple[Name, str], ...] = ()
    """(process, timer) that its handlers have set, also those that ran already."""
    remembered: bool = False
    """Whether the same object stands for the step in other states as well."""


@dataclass(slots=True, eq=False)
class Ask:
    """An outcome that depends on one more process, reached through an immediate link."""

    column: int
    origin: int
    stimulus: Stimulus
    step: Step
    known: dict[int, int]
    branches: dict[int, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Source:
    """A timer that runs in one process state; its handler is run when the timer first fires, not when it is set."""

    kind: TimerKind
    slot: int
    local: int
    step: Fire
    ticking: bool
    """Whether ticks have to pass first."""
    entry: Any = None
