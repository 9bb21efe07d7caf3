"""Planted bugs of references."""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.graph import ObjectId
from rayproof.model.kernel import Context, Name
from rayproof.model.objects.ray2.programs import FREED, VALUE, GotValue
from rayproof.model.objects.ray2.references import CoreWorker
from rayproof.properties.bug import Bug


@dataclass(slots=True)
class ForgetsTheContainer(CoreWorker):
    """Ray #19910: a reference that is passed on is no longer known to be inside the object it came in."""

    def pass_on(self, there: ObjectId) -> None:
        self.contains = {
            outer: tuple(name for name in inside if name != there) for outer, inside in sorted(self.contains.items())
        }
        CoreWorker.pass_on(self, there)


@dataclass(slots=True)
class IgnoresReadsOfTheFreed(CoreWorker):
    """Ray #9049: nobody answers a read of an object that is gone."""

    def answer(self, ctx: Context, there: ObjectId, borrower: Name) -> None:
        if there in self.owned:
            CoreWorker.answer(self, ctx, there, borrower)


@dataclass(slots=True)
class NeverGivesWord(CoreWorker):
    """A borrower forgets that its owner waits for word."""

    def watch(self, ctx: Context, there: ObjectId, inside: ObjectId) -> None:
        pass


@dataclass(slots=True)
class LooksOnlyAtItsVariables(CoreWorker):
    """An owner takes an object for gone as soon as it has no variable for it."""

    def answer(self, ctx: Context, there: ObjectId, borrower: Name) -> None:
        ctx.send(borrower, GotValue(there, VALUE if there in self.local else FREED))


REFERENCE_BUGS = (
    Bug(
        "forgets_the_container",
        "A reference that is passed on loses the record of the object it is inside (D38).",
        {CoreWorker: ForgetsTheContainer},
        "no_free_while_reachable",
        "references-nested",
        also=("no_error_without_a_death",),
    ),
    Bug(
        "ignores_reads_of_the_freed",
        "A read of a freed object is never answered (D39).",
        {CoreWorker: IgnoresReadsOfTheFreed},
        "every_read_ends_in_value_or_error",
        "references-borrower-dies",
    ),
    Bug(
        "never_gives_word",
        "A borrower never tells the owner that it is done.",
        {CoreWorker: NeverGivesWord},
        "unreachable_objects_are_freed",
        "references-nested",
    ),
    Bug(
        "looks_only_at_its_variables",
        "The owner answers as if borrowers did not count.",
        {CoreWorker: LooksOnlyAtItsVariables},
        "no_error_without_a_death",
        "references-passed-on",
    ),
)
"""The planted bugs of references."""
