"""What an entry of the gallery is: a defect that a real system had, and how it is planted into the model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rayproof.model.kernel import Process
from rayproof.properties.bugs import BUGS, Bug


class Standing(StrEnum):
    """Whether a defect can be planted."""

    EXPRESSIBLE = "expressible"
    NOT_EXPRESSIBLE = "not_expressible"
    """The model does not have what the defect is about."""
    KNOWN = "known"
    """Real Ray still does it: the correct model shows it, and the statement is marked as known to be broken."""
    LATER = "later"
    """Its part of the system is not modelled yet."""


@dataclass(frozen=True)
class GalleryEntry:
    """One defect. Those that can be planted name their planted bugs; several are the same mistake in several places."""

    id: str
    source: str
    """Where it was reported: repository and number."""
    problem: str
    component: str
    bugs: tuple[str, ...] = ()
    """Names of planted bugs; the first one's scenario is the directed one."""
    standing: Standing = Standing.EXPRESSIBLE
    reason: str = ""
    """Why it cannot be planted, or what the planted bug has in common with the defect where they differ."""
    seen: tuple[str, str] = ("", "")
    """The scenario and the statement that show it: of what is known, and where the first planted bug names others."""

    def planted(self) -> tuple[Bug, ...]:
        """The planted bugs; raises `KeyError` for one that does not exist."""
        return tuple(BUGS[name] for name in self.bugs)

    def swap(self) -> dict[type[Process], type[Process]]:
        """The processes to put in the place of others."""
        return {usual: broken for bug in self.planted() for usual, broken in bug.replaces.items()}

    @property
    def scenario(self) -> str:
        """The directed scenario."""
        return self.seen[0] or (self.planted()[0].scenario if self.bugs else "")

    @property
    def statement(self) -> str:
        """The statement that must fail there."""
        return self.seen[1] or (self.planted()[0].statement if self.bugs else "")

    def counts(self) -> frozenset[str]:
        """Statements whose failure counts as a kill: the named one; of a mistake in several places, one for each."""
        return frozenset([self.seen[1]] if self.seen[1] else [bug.statement for bug in self.planted()])


def later(number: int, source: str, problem: str, component: str) -> GalleryEntry:
    """An entry whose part of the system is not modelled yet."""
    reason = f"the model has no {component} yet"
    return GalleryEntry(f"D{number}", source, problem, component, standing=Standing.LATER, reason=reason)
