"""The ladder: how many defects walks of the generic scopes notice, with one ability more on each rung.

A rung has all abilities of those below it. Without reordering a message is received in the order of sending, whatever
link it takes; without memory every store and table has more room than it can use. A defect that is noticed on a rung
counts on the higher ones too: their walks include those of the lower ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random
from time import process_time

from rayproof.model.kernel import DECIDED, FaultKind, ModelError, Scenario, Statement, StatementKind, campaign
from rayproof.properties.gallery.entry import GalleryEntry, Standing
from rayproof.properties.gallery.hunt import counted, scopes_of
from rayproof.properties.gallery.orderly import orderly_walk

WALKS = 2_000
"""Walks of a rung, unless its CPU seconds end earlier."""

BREAKDOWNS = frozenset(
    {FaultKind.CRASH, FaultKind.RESTART, FaultKind.TRUNCATE, FaultKind.FAIL_WRITE, FaultKind.HALF_WRITE}
)
"""What is lost with a process, and what its disk fails to keep."""


class Rung(StrEnum):
    """Abilities; each rung has those above it in this list."""

    INVARIANTS = "a"
    REST = "b"
    CRASHES = "c"
    ORDER = "d"
    MEMORY = "e"

    @property
    def sentence(self) -> str:
        """What is new on this rung."""
        return {
            Rung.INVARIANTS: "invariants only",
            Rung.REST: "and what must hold when all is at rest",
            Rung.CRASHES: "and crashes and failing disks",
            Rung.ORDER: "and messages that overtake, get lost or come twice, and false suspicions",
            Rung.MEMORY: "and memory that runs short",
        }[self]


def rungs() -> tuple[Rung, ...]:
    """From the lowest to the highest."""
    return tuple(Rung)


@dataclass(frozen=True)
class Climb:
    """The lowest rung on which a defect was noticed, None when on none of them."""

    id: str
    rung: Rung | None
    tried: bool = True


def climb(entry: GalleryEntry, *, seed: int = 0, budget: float = 5.0, walks: int = WALKS) -> Climb:
    """Go up until the defect is noticed. `budget`: CPU seconds on each rung."""
    if entry.standing is not Standing.EXPRESSIBLE:
        return Climb(entry.id, None, False)
    for rung in rungs():
        if any(_noticed(scenario, rung, seed, budget, walks, entry) for scenario in scopes_on(entry, rung)):
            return Climb(entry.id, rung)
    return Climb(entry.id, None)


def scopes_on(entry: GalleryEntry, rung: Rung) -> list[Scenario]:
    """The generic scopes that an entry changes, with the faults and the memory of a rung."""
    made = (scope.build(entry.swap(), rung < Rung.MEMORY) for scope in scopes_of(entry))
    return [replace(scenario, faults=_faults(scenario, rung)) for scenario in made]


def _faults(scenario: Scenario, rung: Rung) -> dict[FaultKind, int]:
    # A budget of zero stays listed: what a scenario speaks of does not change with the rung.
    allowed = {kind: rung >= Rung.ORDER or (rung is Rung.CRASHES and kind in BREAKDOWNS) for kind in scenario.faults}
    return {kind: budget if allowed[kind] else 0 for kind, budget in scenario.faults.items()}


def _noticed(scenario: Scenario, rung: Rung, seed: int, budget: float, walks: int, entry: GalleryEntry) -> bool:
    statements = tuple(s for s in counted(entry, scenario) if s.kind in DECIDED and _is_on(s, rung))
    if not statements:
        return False
    try:
        if rung >= Rung.ORDER:
            return campaign(scenario, walks, seed, statements, cpu_s=budget).violation is not None
        return _orderly(scenario, statements, seed, budget, walks)
    except ModelError:
        return False


def _is_on(statement: Statement, rung: Rung) -> bool:
    return rung is not Rung.INVARIANTS or statement.kind is not StatementKind.AUDIT


def _orderly(scenario: Scenario, statements: tuple[Statement, ...], seed: int, budget: float, walks: int) -> bool:
    random = Random(seed)
    started = process_time()
    for _ in range(walks):
        if orderly_walk(scenario, statements, random)[1] is not None:
            return True
        if process_time() - started > budget:
            return False
    return False
