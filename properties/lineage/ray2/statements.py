"""What must hold of owners, lineage and recovery."""

from __future__ import annotations

from rayproof.model.kernel import StateView, always, audit, sometimes
from rayproof.model.lineage.ray2.execution import Borrower, Executor
from rayproof.model.lineage.ray2.ownership import Owner
from rayproof.model.lineage.ray2.programs import Failure, Get, Stage


@always(Owner, each=True, source="Ray #8791, #65660, #21485; bug benchmark S1")
def no_places_on_the_dead(owner: Owner) -> bool:
    """The owner believes no object to be on a node that it has been told is dead."""
    return not any(owner.dead.intersection(owner.places(there)) for there in owner.known_objects())


@always(Owner, each=True, source="Ray 2.60 object_recovery_manager.cc; Ray #8021; bug benchmark S1")
def errors_are_justified(owner: Owner) -> bool:
    """An object ends in an error only when nothing can make it: retries spent, no node, a lost put or argument."""
    for there, failure in owner.failures.items():
        task = owner.maker(there)
        if task is None:
            if there in owner.freed:
                return False
            continue
        inherited = any(name in owner.failures for name in task.arguments)
        without_node = failure is Failure.UNSCHEDULABLE and task.only_on in owner.dead
        if owner.can_run_again(task) and not inherited and not without_node:
            return False
    return True


@always(Owner, each=True, source="Ray 2.60 task_manager.cc, max_retries; bug benchmark L4")
def reconstructions_bounded(owner: Owner) -> bool:
    """No task is executed more often than once and its retries."""
    return all(owner.attempts.get(task.name, 0) <= task.max_retries + 1 for task in owner.tasks)


@always(Owner, each=True, source="Ray 2.60 node_affinity_scheduling_policy.cc, soft=False")
def hard_affinity_is_kept(owner: Owner) -> bool:
    """No task with a hard affinity is sent to another node."""
    return all(owner.placed.get(task.name, task.only_on) == task.only_on for task in owner.tasks if task.only_on)


@always(Owner, each=True, source="Ray 2.60 task_manager.cc, max_direct_call_object_size")
def small_values_are_with_their_owner(owner: Owner) -> bool:
    """A small result that has been made is with its owner, whatever becomes of nodes, until nobody needs it."""
    done = [task for task in owner.tasks if task.small and owner.stage.get(task.name) is Stage.DONE]
    return all(task.result in owner.small or task.result in owner.freed for task in done)


@always(Owner, each=True, source="Ray 2.60 reference_counter.cc, max_lineage_bytes")
def lineage_bounded(owner: Owner) -> bool:
    """No more than the limit is kept of specifications of finished tasks."""
    return not owner.max_lineage_bytes or owner.kept_bytes() <= owner.max_lineage_bytes


@always(Executor, source="Ray #3217; bug benchmark S3''")
def one_running_attempt_without_declared_failure(view: StateView) -> bool:
    """No task runs on two live nodes."""
    running = [task for node in view.of(Executor).values() for task in sorted(node.running)]
    return len(running) == len(set(running))


@audit(Owner, Executor, source="OSDI 2018 §4.2.3; bug benchmark S1")
def no_lost_objects(view: StateView) -> bool:
    """Whatever a live owner refers to is on a live node, in memory or on disk, or has ended in an error."""
    nodes = view.of(Executor).values()
    for owner in view.of(Owner).values():
        wanted = owner.references - set(owner.failures) - owner.small
        if any(not any(node.has(there) for node in nodes) for there in wanted):
            return False
    return True


@audit(Owner, Borrower, source="OSDI 2018 §4.2.3; Ray #47606, #47043; bug benchmark L2")
def every_get_ends_in_value_or_error(view: StateView) -> bool:
    """Neither the driver nor a borrower is left waiting."""
    drivers = view.of(Owner).values()
    return all(owner.at == len(owner.program) for owner in drivers) and all(
        borrower.outcome for borrower in view.of(Borrower).values()
    )


@audit(Owner, Executor, source="Ray 2.60 raylet/node_manager.cc: workers and objects share their owner's fate")
def no_orphans(view: StateView) -> bool:
    """When the owner is dead, no live node runs a task or keeps an object of its."""
    if view.of(Owner):
        return True
    return not any(node.running or node.attempts or node.memory or node.disk for node in view.of(Executor).values())


@audit(Owner, Executor, source="bug benchmark S2: at quiescence nothing is held")
def unneeded_values_are_freed(view: StateView) -> bool:
    """No live node keeps a primary copy that its live owner neither refers to nor keeps for its lineage."""
    for owner in view.of(Owner).values():
        for there in owner.known_objects():
            if owner.places(there) and there not in owner.references and not owner.held_by_lineage(there):
                return False
    return True


@sometimes(Owner, source="OSDI 2018 §4.2.3")
def a_task_is_executed_again(view: StateView) -> bool:
    """Some task has a second attempt."""
    return any(count > 1 for owner in view.of(Owner).values() for count in owner.attempts.values())


@sometimes(Owner, source="Ray 2.60 exceptions.py")
def a_get_ends_in_an_error(view: StateView) -> bool:
    """Some read of the driver gives an error."""
    return any(
        isinstance(action, Get) and owner.got.get(action.object, "value") != "value"
        for owner in view.of(Owner).values()
        for action in owner.program
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
