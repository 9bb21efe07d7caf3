"""What must hold where owners, leases, bundles, stores and actors work together on the same nodes."""

from __future__ import annotations

from rayproof.model.actors.ray2.lifecycle import Life
from rayproof.model.graph import ObjectId, Resources, TaskId, Wait
from rayproof.model.kernel import StateView, always, audit, sometimes
from rayproof.model.lineage.ray2.execution import Borrower
from rayproof.model.lineage.ray2.programs import Failure, GetOne, Stage
from rayproof.model.scheduler.ray2.leases.bundled import GROUP
from rayproof.model.scheduler.ray2.owned.actors import ActorTable
from rayproof.model.scheduler.ray2.owned.driver import Submitter, TaskManager
from rayproof.model.scheduler.ray2.owned.node import ACTOR, ClusterRaylet, LeasedExecutor
from rayproof.properties.actors.ray2.statements import attempts_never_overlap, results_match_their_incarnation
from rayproof.properties.cluster.owned.calls import (
    CLUSTER_CALLS,
    a_call_fails_with_its_actor,
    a_call_is_executed_again,
    a_restarted_actor_is_called,
)
from rayproof.properties.cluster.ray2.groups.statements import GROUPS, a_group_is_rescheduled, bundles_fit_their_node
from rayproof.properties.lineage.ray2.statements import (
    OWNERSHIP,
    every_get_ends_in_value_or_error,
    no_lost_objects,
    unneeded_values_are_freed,
)
from rayproof.properties.lineage.ray2.workers.statements import cancelled_never_starts_again
from rayproof.properties.scheduler.ray2.leases.statements import (
    no_grant_to_the_dead_or_draining,
    one_grant_per_lease,
    one_spillback_at_most,
)


@always(ClusterRaylet, source="Ray 2.60 local_resource_manager.cc, placement_group_resource_manager.cc; S2")
def leases_and_bundles_add_up(view: StateView) -> bool:
    """Free, leased and reserved is what a node has and its bundles offer; leases that never waited have their room."""
    for name, raylet in view.of(ClusterRaylet).items():
        if raylet.told is None:
            continue
        total, held, fresh = raylet.totals[name] + raylet.offered, raylet.free + raylet.reserved, Resources()
        for _, worker, taken in raylet.granted.values():
            held = held + (taken - raylet.processors(worker) if worker in raylet.blocked else taken)
            if worker not in raylet.blocked and worker not in raylet.resumed:
                fresh = fresh + taken
        if held != total or not fresh.fits(total):
            return False
    return True


@always(LeasedExecutor, ClusterRaylet, source="Ray 2.60 node_manager.cc: a worker is leased as long as it runs; S3''")
def attempts_run_on_their_leases(view: StateView) -> bool:
    """Each attempt on a living node is on a lease of its own that the node has granted and not got back."""
    raylets = {raylet.executor: raylet for raylet in view.of(ClusterRaylet).values()}
    for name, executor in view.of(LeasedExecutor).items():
        leases = [executor.lease_of[task] for task in executor.attempts]
        if len(leases) != len(set(leases)) or not raylets[name].granted.keys() >= set(leases):
            return False
    return True


@audit(Submitter, ClusterRaylet, source="bug benchmark L1, L2: what a node has room for does not wait")
def nothing_waits_where_there_is_room(view: StateView) -> bool:
    """When nothing more can happen, no task or actor waits that its node, or any for a task, has room for."""
    raylets = view.of(ClusterRaylet).values()
    waiting = [
        scheduling_class
        for submitter in view.of(Submitter).values()
        for scheduling_class, tasks in submitter.queued.items()
        if tasks
    ]
    if any(
        raylet.idle and raylet.allocation(scheduling_class) is not None
        for raylet in raylets
        for scheduling_class in waiting
    ):
        return False
    return not any(raylet.to_start and raylet.idle and raylet.allocation(ACTOR) is not None for raylet in raylets)


def _without_room(view: StateView) -> set[TaskId]:
    """Tasks that wait for a worker."""
    return {t for submitter in view.of(Submitter).values() for tasks in submitter.queued.values() for t in tasks}


def _is_stuck(owner: TaskManager, waiting: set[ObjectId]) -> bool:
    """Whether the driver's present action cannot end, since these objects do not come."""
    match owner.program[owner.at]:
        case GetOne(object_id):
            return object_id in waiting
        case Wait(objects, count):
            return len([object_id for object_id in objects if object_id not in waiting]) < count
        case _:
            return False


def _actors(view: StateView, *lives: Life) -> set[str]:
    """Actors in one of these states."""
    return {actor for table in view.of(ActorTable).values() for actor, life in table.life.items() if life in lives}


def _waiting(owner: TaskManager, view: StateView) -> set[ObjectId]:
    """Results of tasks without room, of calls of such actors, of what needs them, and of calls behind such calls."""
    queued, dead, held_up = _without_room(view), _actors(view, Life.DEAD), _actors(view, Life.PENDING, Life.RESTARTING)
    waiting = {task.result for task in owner.tasks if task.name in queued}
    for task in owner.tasks:
        # A task is submitted after those that make its arguments, a call after earlier ones of its actor.
        actor = owner.actor_of.get(task.name, "")
        unfinished = owner.stage.get(task.name) in (Stage.PENDING, Stage.SUBMITTED) and actor not in dead
        if unfinished and (waiting.intersection(task.arguments) or actor in held_up):
            waiting.add(task.result)
            held_up |= {actor} - {""}
    return waiting


@audit(TaskManager, Submitter, ActorTable, Borrower, source="Ray #47606, #47043; bug benchmark L2")
def who_waits_waits_for_room(view: StateView) -> bool:
    """When nothing more can happen, all tasks, calls and reads have ended, unless they wait for room."""
    for owner in view.of(TaskManager).values():
        waiting = _waiting(owner, view)
        unfinished = {t.result for t in owner.tasks if owner.stage.get(t.name) in (Stage.PENDING, Stage.SUBMITTED)}
        if unfinished != waiting or (owner.at != len(owner.program) and not _is_stuck(owner, waiting)):
            return False
        # A driver that waits may not have come yet to the task that makes what another process reads.
        unmade = (
            {t.result for t in owner.tasks if t.name not in owner.stage} if owner.at != len(owner.program) else set()
        )
        if any(
            not borrower.outcome and borrower.object not in waiting | unmade for borrower in view.of(Borrower).values()
        ):
            return False
    return True


@audit(TaskManager, Submitter, ActorTable, LeasedExecutor, source="OSDI 2018 §4.2.3; bug benchmark S1")
def what_is_referred_to_is_somewhere(view: StateView) -> bool:
    """Whatever a live driver refers to is on a live node, has ended in an error, or waits for a task without room."""
    nodes = view.of(LeasedExecutor).values()
    for owner in view.of(TaskManager).values():
        made = {*_waiting(owner, view), *owner.failures, *owner.small}
        if any(not any(node.has(object_id) for node in nodes) for object_id in owner.references - made):
            return False
    return True


@audit(TaskManager, LeasedExecutor, source="bug benchmark S2: at quiescence nothing is held")
def what_nobody_needs_is_freed(view: StateView) -> bool:
    """When nothing more can happen, a driver keeps a value only for itself, for its lineage, or for a waiting task."""
    return not any(
        owner.places(object_id) and not owner.is_needed(object_id) and not owner.held_by_lineage(object_id)
        for owner in view.of(TaskManager).values()
        for object_id in owner.known_objects()
    )


@audit(ClusterRaylet, source="Ray #17634; bug benchmark D50")
def no_lease_is_held_in_vain(view: StateView) -> bool:
    """When nothing more can happen, every worker is back but for those of actors and those that wait for arguments."""
    return all(
        scheduling_class == ACTOR or worker in raylet.blocked
        for raylet in view.of(ClusterRaylet).values()
        for scheduling_class, worker, _ in raylet.granted.values()
    )


@audit(ActorTable, ClusterRaylet, source="Ray 2.60 gcs_actor_manager.cc, OnNodeDead; bug benchmark S2")
def actors_live_where_their_table_says(view: StateView) -> bool:
    """When nothing more can happen, a node has workers for the actors that live there and requests of those to come."""
    for table in view.of(ActorTable).values():
        for name, raylet in view.of(ClusterRaylet).items():
            here = {a: life for a, life in table.life.items() if table.node[a] == name and life is not Life.DEAD}
            alive = {(a, table.incarnation[a]) for a, life in here.items() if life is Life.ALIVE}
            coming = {(a, table.incarnation[a]) for a, life in here.items() if life is not Life.ALIVE}
            if {(a, incarnation) for a, (incarnation, _) in raylet.living.items()} != alive:
                return False
            if {*raylet.to_start} != coming:
                return False
        if any(table.node[a] in view.dead for a, life in table.life.items() if life is not Life.DEAD):
            return False
    return True


@sometimes(ClusterRaylet, source="Ray 2.60 resource_instance_set.cc")
def a_lease_is_granted_in_a_bundle(view: StateView) -> bool:
    """Some task runs in a bundle."""
    return any(
        GROUP in name
        for raylet in view.of(ClusterRaylet).values()
        for _, _, taken in raylet.granted.values()
        for name, _ in taken.units
    )


@sometimes(LeasedExecutor, source="Ray 2.60 node_manager.cc, HandleCancelResourceReserve")
def a_worker_is_killed(view: StateView) -> bool:
    """Some worker ends before its attempt does, or before its attempt comes."""
    return any(executor.ended for executor in view.of(LeasedExecutor).values())


@sometimes(TaskManager, source="Ray 2.60 normal_task_submitter.cc, CancelTask")
def a_task_ends_cancelled(view: StateView) -> bool:
    """Some task ends by its cancellation."""
    return any(Failure.CANCELLED in owner.failures.values() for owner in view.of(TaskManager).values())


@sometimes(ActorTable, source="Ray 2.60 gcs_actor_manager.cc, RestartActor")
def an_actor_is_restarted(view: StateView) -> bool:
    """Some actor has lost its node and is placed again."""
    return any(table.restarts for table in view.of(ActorTable).values())


REPLACED = (every_get_ends_in_value_or_error, no_lost_objects, unneeded_values_are_freed)
"""Of an owner alone: they know of no task that waits for room."""

COMPOSED = (
    leases_and_bundles_add_up,
    attempts_run_on_their_leases,
    nothing_waits_where_there_is_room,
    who_waits_waits_for_room,
    what_is_referred_to_is_somewhere,
    what_nobody_needs_is_freed,
    no_lease_is_held_in_vain,
    actors_live_where_their_table_says,
)
"""Of the composition alone."""

HAPPENS = (
    a_lease_is_granted_in_a_bundle,
    a_worker_is_killed,
    a_task_ends_cancelled,
    an_actor_is_restarted,
    a_group_is_rescheduled,
    a_call_fails_with_its_actor,
    a_restarted_actor_is_called,
    a_call_is_executed_again,
)

OF_CALLS = (*CLUSTER_CALLS, results_match_their_incarnation, attempts_never_overlap)
"""Only where actors are called is there anything to claim."""

OWNED_CLUSTER = (
    *COMPOSED,
    *(each for each in OWNERSHIP if each not in REPLACED),
    one_grant_per_lease,
    no_grant_to_the_dead_or_draining,
    one_spillback_at_most,
    # A worker that waits gives its CPU to a bundle, and takes it again in spite of it.
    *(each for each in GROUPS if each is not bundles_fit_their_node),
    cancelled_never_starts_again,
    *OF_CALLS,
    *HAPPENS,
)
"""Everything that is checked of whole clusters of today's Ray; a read may wait where its task has no room."""
