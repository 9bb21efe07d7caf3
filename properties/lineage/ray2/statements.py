"""What must hold of owners, lineage and recovery."""

from __future__ import annotations

from collections import Counter

from rayproof.model.kernel import StateView, always, audit, first, sometimes
from rayproof.model.lineage.ray2.execution import Borrower, Executor
from rayproof.model.lineage.ray2.ownership import LineageOwner
from rayproof.model.lineage.ray2.programs import Failure, GetOne, Stage


@always(LineageOwner, each=True, source="Ray #8791, #65660, #21485; bug benchmark S1")
def no_places_on_the_dead(owner: LineageOwner) -> str | None:
    """The owner believes no object to be on a node that it has been told is dead."""
    return first(
        f"{object_id} is believed on {min(owner.dead.intersection(owner.places(object_id)))}, which is dead"
        for object_id in owner.known_objects()
        if owner.dead.intersection(owner.places(object_id))
    )


@always(LineageOwner, each=True, source="Ray 2.60 object_recovery_manager.cc; Ray #8021; bug benchmark S1")
def errors_are_justified(owner: LineageOwner) -> str | None:
    """An object fails only if nothing can make it again: retries used up, no node, a lost put or a lost argument."""
    for object_id, failure in owner.failures.items():
        task = owner.maker(object_id)
        if task is None:
            if object_id in owner.freed:
                return f"{object_id} has failed ({failure}) and was freed"
            continue
        inherited = any(name in owner.failures for name in task.arguments)
        without_node = failure is Failure.UNSCHEDULABLE and task.only_on in owner.dead
        if owner.can_run_again(task) and not inherited and not without_node:
            return f"{object_id} has failed ({failure}), {task.name} could make it again"
    return None


@always(LineageOwner, each=True, source="Ray 2.60 task_manager.cc, max_retries; bug benchmark L4")
def reconstructions_bounded(owner: LineageOwner) -> str | None:
    """No task is executed more often than its retries allow."""
    return first(
        f"{task.name} has {owner.attempts[task.name]} attempts, and {task.max_retries} retries"
        for task in owner.tasks
        if owner.attempts.get(task.name, 0) > task.max_retries + 1
    )


@always(LineageOwner, each=True, source="Ray 2.60 node_affinity_scheduling_policy.cc, soft=False")
def hard_affinity_is_kept(owner: LineageOwner) -> str | None:
    """No task with a hard affinity is sent to another node."""
    return first(
        f"{task.name} is sent to {owner.placed[task.name]} and may run on {task.only_on} only"
        for task in owner.tasks
        if task.only_on and owner.placed.get(task.name, task.only_on) != task.only_on
    )


@always(LineageOwner, each=True, source="Ray 2.60 task_manager.cc, max_direct_call_object_size")
def small_values_are_with_their_owner(owner: LineageOwner) -> str | None:
    """A small result stays with its owner until nobody needs it, whichever nodes die."""
    return first(
        f"{task.result} was made and its owner does not have it"
        for task in owner.tasks
        if task.small
        and owner.stage.get(task.name) is Stage.DONE
        and task.result not in owner.small
        and task.result not in owner.freed
    )


@always(LineageOwner, each=True, source="Ray 2.60 reference_counter.cc, max_lineage_bytes")
def lineage_bounded(owner: LineageOwner) -> str | None:
    """The specifications of finished tasks that are kept stay within their limit."""
    if not owner.max_lineage_bytes or owner.kept_bytes() <= owner.max_lineage_bytes:
        return None
    return f"{owner.kept_bytes()} bytes are kept, the limit is {owner.max_lineage_bytes}"


@always(Executor, source="Ray #3217; bug benchmark S3''")
def one_running_attempt_without_declared_failure(view: StateView) -> str | None:
    """No task runs on two live nodes."""
    running = Counter(task for node in view.of(Executor).values() for task in sorted(node.running))
    return first(f"{task} runs on {count} nodes" for task, count in running.items() if count > 1)


@audit(LineageOwner, Executor, source="OSDI 2018 §4.2.3; bug benchmark S1")
def no_lost_objects(view: StateView) -> str | None:
    """Whatever a live owner refers to is on a live node, in memory or on disk, or has ended in an error."""
    nodes = view.of(Executor).values()
    for name, owner in view.of(LineageOwner).items():
        for object_id in sorted(owner.references - set(owner.failures) - owner.small):
            if not any(node.has(object_id) for node in nodes):
                return f"{object_id}: no copy and no error, {name} refers to it"
    return None


@audit(LineageOwner, Borrower, source="OSDI 2018 §4.2.3; Ray #47606, #47043; bug benchmark L2")
def every_get_ends_in_value_or_error(view: StateView) -> str | None:
    """Neither the driver nor a borrower is left waiting."""
    for name, owner in view.of(LineageOwner).items():
        if owner.at != len(owner.program):
            return f"{name} waits in action {owner.at + 1} of {len(owner.program)}"
    return first(f"{name} waits for {b.object}" for name, b in view.of(Borrower).items() if not b.outcome)


@audit(LineageOwner, Executor, source="Ray 2.60 raylet/node_manager.cc: workers and objects share their owner's fate")
def no_orphans(view: StateView) -> str | None:
    """When the owner is dead, no live node runs its tasks or keeps its objects."""
    if view.of(LineageOwner):
        return None
    for name, node in view.of(Executor).items():
        for left in ("running", "attempts", "memory", "disk"):
            if getattr(node, left):
                return f"{name}: something is left in `{left}`"
    return None


@audit(LineageOwner, Executor, source="bug benchmark S2: at quiescence nothing is held")
def unneeded_values_are_freed(view: StateView) -> str | None:
    """No live node keeps a primary copy that its live owner needs neither for a reference nor for lineage."""
    for name, owner in view.of(LineageOwner).items():
        for object_id in owner.known_objects():
            if owner.places(object_id) and object_id not in owner.references and not owner.held_by_lineage(object_id):
                return f"{object_id} is kept for {name}, which does not need it"
    return None


@sometimes(LineageOwner, source="OSDI 2018 §4.2.3")
def a_task_is_executed_again(view: StateView) -> str | None:
    """Some task has a second attempt."""
    return first(
        f"{task} has {count} attempts"
        for owner in view.of(LineageOwner).values()
        for task, count in owner.attempts.items()
        if count > 1
    )


@sometimes(LineageOwner, source="Ray 2.60 exceptions.py")
def a_get_ends_in_an_error(view: StateView) -> str | None:
    """Some read of the driver gives an error."""
    return first(
        f"{action.object}: {owner.got[action.object]}"
        for owner in view.of(LineageOwner).values()
        for action in owner.program
        if isinstance(action, GetOne) and owner.got.get(action.object, "value") != "value"
    )


OWNERSHIP = (
    no_places_on_the_dead,
    errors_are_justified,
    reconstructions_bounded,
    one_running_attempt_without_declared_failure,
    every_get_ends_in_value_or_error,
    no_lost_objects,
    no_orphans,
    unneeded_values_are_freed,
    a_task_is_executed_again,
    a_get_ends_in_an_error,
)
"""Everything that is checked of recovery by owners."""
