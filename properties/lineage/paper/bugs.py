"""Planted bugs of recovery through the control store."""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.graph import ObjectId, TaskId
from rayproof.model.kernel import Context, Name
from rayproof.model.lineage.paper.control import FindObject, LineageStore, PaperNode
from rayproof.properties.bug import Bug


@dataclass(slots=True)
class FlushesWhatIsReferenced(LineageStore):
    """Ray #3529: the oldest rows are dropped whatever depends on them."""

    def may_flush(self, task: TaskId) -> bool:
        return not self.under_way(task)


@dataclass(slots=True)
class ExecutesWhatIsSlow(LineageStore):
    """Ray #3217: who has waited for long has the task executed again, though it only is slow."""

    def under_way(self, task: TaskId) -> bool:
        return False


@dataclass(slots=True)
class IgnoresWishes(LineageStore):
    """Nobody's wish for a lost object is heard."""

    def reconstruct(self, ctx: Context, there: ObjectId) -> None:
        pass

    def find(self, ctx: Context, there: ObjectId, node: Name) -> None:
        if self.places.get(there) or there not in self.places:
            LineageStore.find(self, ctx, there, node)


@dataclass(slots=True)
class AsksTheStoreAgain(PaperNode):
    """A node that is told where a copy is asks the store once more instead of the node that has it."""

    def found(self, ctx: Context, there: ObjectId, node: Name, error: str) -> None:
        if error or node == ctx.me:
            PaperNode.found(self, ctx, there, node, error)
        else:
            ctx.send("gcs", FindObject(there))


CONTROL_BUGS = (
    Bug(
        "flushes_what_is_referenced",
        "Lineage of an object that is referenced is flushed (D41).",
        {LineageStore: FlushesWhatIsReferenced},
        "lineage_of_the_referenced_is_kept",
        "control-flush",
        also=("every_get_ends_in_value_or_error",),
    ),
    Bug(
        "executes_what_is_slow",
        "A task that is merely slow is executed again (D42).",
        {LineageStore: ExecutesWhatIsSlow},
        "one_running_attempt_without_declared_failure",
        "control-slow",
    ),
    Bug(
        "ignores_wishes",
        "A lost object is not made again for who waits.",
        {LineageStore: IgnoresWishes},
        "every_get_ends_in_value_or_error",
        "control-chain",
    ),
    Bug(
        "asks_the_store_again",
        "A node asks where a copy is, again and again, and never fetches it.",
        {PaperNode: AsksTheStoreAgain},
        "every_get_ends_in_value_or_error_some_day",
        "control-chain",
        "Ray #62512",
        ("comes_to_rest",),
        spins=True,
    ),
)
"""The planted bugs of recovery through the store."""
