"""Planted bugs of owners, lineage and recovery."""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.graph import ObjectId
from rayproof.model.kernel import Context, Name
from rayproof.model.lineage.ray2.execution import Borrower, Executor
from rayproof.model.lineage.ray2.ownership import Owner
from rayproof.model.lineage.ray2.programs import Stage, Task
from rayproof.properties.bug import Bug


@dataclass(slots=True)
class BelievesLateReplies(Owner):
    """Ray #8791: a reply is believed whether or not its node is still alive."""

    def replied(self, ctx: Context, task: Task, attempt: int, node: Name, error: str) -> None:
        if error:
            Owner.replied(self, ctx, task, attempt, node, error)
        else:
            self.stage[task.name] = Stage.DONE
            self.primary[task.result] = node


@dataclass(slots=True)
class RemembersAPinForEver(Owner):
    """Ray #64694: a recovery counts as under way although the node that was asked has died."""

    def forget_pinning(self, node: Name) -> None:
        pass


@dataclass(slots=True)
class BelievesTheDead(Owner):
    """Ray #65660: reports of a node are believed after its death."""

    def accepts(self, node: Name) -> bool:
        return True


@dataclass(slots=True)
class ForgetsDisksOfTheDead(Owner):
    """Ray #21485: what a dead node had on its disk is not taken for lost."""

    def forget_places(self, node: Name) -> None:
        spilled = dict(self.spilled)
        Owner.forget_places(self, node)
        self.spilled = spilled


@dataclass(slots=True)
class KeepsWaitingForTheFailed(Owner):
    """Ray #47606: a task goes on waiting for an argument that has ended in an error."""

    def try_submit(self, ctx: Context, task: Task) -> None:
        if not any(there in self.failures for there in task.arguments):
            Owner.try_submit(self, ctx, task)


@dataclass(slots=True)
class ForgetsTheArguments(Owner):
    """Ray #47043: what is executed again does not have its arguments back."""

    def recover_arguments(self, ctx: Context, task: Task) -> None:
        pass


@dataclass(slots=True)
class FreesPutsOfLineage(Owner):
    """Ray #8021: the value of a put is freed although lineage needs it."""

    def may_free(self, there: ObjectId) -> bool:
        return not self.is_needed(there)


@dataclass(slots=True)
class RetriesForEver(Owner):
    """Failed attempts are repeated without end."""

    def attempt_failed(self, ctx: Context, task: Task) -> None:
        self.execute_again(ctx, task)


@dataclass(slots=True)
class ExecutesWhatIsUnderWay(Owner):
    """Ray #3217: whoever waits for an object has its task executed again, also while it runs."""

    def under_way(self, task: Task) -> bool:
        return self.stage.get(task.name) in (None, Stage.PENDING, Stage.FAILED)


@dataclass(slots=True)
class RecoversOnlyWhenAsked(Owner):
    """Losses are not repaired before somebody reads."""

    def is_needed(self, there: ObjectId) -> bool:
        return there in self.asked or (Owner.is_needed(self, there) and bool(self.places(there)))


@dataclass(slots=True)
class OutlivesItsOwner(Executor):
    """A node goes on with the tasks of a dead owner."""

    def owner_died(self, ctx: Context) -> None:
        pass


@dataclass(slots=True)
class WaitsForTheDeadOwner(Borrower):
    """A borrower never gives up."""

    def owner_died(self, ctx: Context) -> None:
        pass


@dataclass(slots=True)
class NeverFrees(Owner):
    """Values stay for ever."""

    def may_free(self, there: ObjectId) -> bool:
        return False


@dataclass(slots=True)
class LeavesItsNode(Owner):
    """A hard affinity is taken for a soft one."""

    def allowed_nodes(self, task: Task) -> list[Name]:
        return [node for node in self.nodes if node not in self.dead]


@dataclass(slots=True)
class LeavesSmallValuesBehind(Owner):
    """A small value that came with the reply is looked for on the node that made it."""

    def take(self, task: Task, node: Name) -> None:
        self.record(task.result, node)


@dataclass(slots=True)
class AsksOneNode(Owner):
    """A read whose node has died does not turn to another one."""

    def read_on(self, ctx: Context) -> None:
        if not self.fetching:
            Owner.read_on(self, ctx)


@dataclass(slots=True)
class KeepsAllLineage(Owner):
    """The limit on lineage is not looked at."""

    def bound_lineage(self) -> None:
        pass


@dataclass(slots=True)
class CountsValuesOnly(Owner):
    """A wait ends when enough of its objects have a value."""

    def arrived(self, objects: tuple[ObjectId, ...]) -> list[ObjectId]:
        return [there for there in objects if self.places(there)]


def _bug(
    name: str,
    sentence: str,
    made: type[Owner],
    statement: str,
    scenario: str = "lineage-chain",
    also: tuple[str, ...] = (),
) -> Bug:
    return Bug(name, sentence, {Owner: made}, statement, scenario, also=also)


LINEAGE_BUGS = (
    _bug(
        "counts_values_only",
        "An object that has ended in an error does not count for those who wait for so many.",
        CountsValuesOnly,
        "every_get_ends_in_value_or_error",
        "lineage-wait",
    ),
    _bug(
        "believes_late_replies",
        "A reply that comes after its node's death sets the object's place (D24).",
        BelievesLateReplies,
        "no_places_on_the_dead",
        also=("no_lost_objects",),
    ),
    _bug(
        "remembers_a_pin_for_ever",
        "A second loss is ignored while the first recovery counts as under way (D25).",
        RemembersAPinForEver,
        "every_get_ends_in_value_or_error",
        "lineage-copies",
        also=("no_lost_objects",),
    ),
    _bug(
        "believes_reports_of_the_dead",
        "A late report of a dead node sets an object's place (D26).",
        BelievesTheDead,
        "no_places_on_the_dead",
        "lineage-copies",
        also=("no_lost_objects",),
    ),
    _bug(
        "forgets_disks_of_the_dead",
        "An object on the disk of a dead node does not count as lost (D27).",
        ForgetsDisksOfTheDead,
        "no_places_on_the_dead",
    ),
    _bug(
        "keeps_waiting_for_the_failed",
        "An argument's error does not reach the task that waits for it (D35).",
        KeepsWaitingForTheFailed,
        "every_get_ends_in_value_or_error",
        "lineage-no-retries",
        also=("no_lost_objects",),
    ),
    _bug(
        "forgets_the_arguments",
        "What is executed again does not have its arguments back (D40).",
        ForgetsTheArguments,
        "no_lost_objects",
        also=("every_get_ends_in_value_or_error",),
    ),
    _bug(
        "frees_puts_of_lineage",
        "The value of a put is freed although lineage needs it (D43).",
        FreesPutsOfLineage,
        "errors_are_justified",
        "lineage-put",
    ),
    _bug(
        "retries_for_ever",
        "Failed attempts are repeated without end.",
        RetriesForEver,
        "reconstructions_bounded",
    ),
    _bug(
        "executes_what_is_under_way",
        "A task is executed again although it runs.",
        ExecutesWhatIsUnderWay,
        "one_running_attempt_without_declared_failure",
    ),
    _bug(
        "recovers_only_when_asked",
        "A loss is not repaired although the object is referenced.",
        RecoversOnlyWhenAsked,
        "every_get_ends_in_value_or_error",
        also=("no_lost_objects",),
    ),
    Bug(
        "outlives_its_owner",
        "Nodes go on with the tasks of a dead owner.",
        {Executor: OutlivesItsOwner},
        "no_orphans",
        "lineage-owner-dies",
    ),
    Bug(
        "waits_for_the_dead_owner",
        "A borrower waits for a dead owner.",
        {Borrower: WaitsForTheDeadOwner},
        "every_get_ends_in_value_or_error",
        "lineage-owner-dies",
    ),
    _bug(
        "leaves_its_node",
        "A task with a hard affinity goes to another node when its own has died.",
        LeavesItsNode,
        "hard_affinity_is_kept",
        "lineage-affinity",
    ),
    _bug(
        "leaves_small_values_behind",
        "A small value is looked for on the node that made it.",
        LeavesSmallValuesBehind,
        "small_values_are_with_their_owner",
        "lineage-small-values",
    ),
    _bug(
        "asks_one_node",
        "A read that was fetching from a node that has died fetches from nowhere else.",
        AsksOneNode,
        "every_get_ends_in_value_or_error",
        "lineage-fetched",
    ),
    _bug(
        "keeps_all_lineage",
        "Specifications are kept without bound.",
        KeepsAllLineage,
        "lineage_bounded",
        "lineage-bounded",
    ),
    _bug("never_frees", "Values stay although nobody needs them.", NeverFrees, "unneeded_values_are_freed"),
)
"""The planted bugs of recovery."""
