"""What must hold where owners, leases, bundles, stores and actors work together on the same nodes."""

from __future__ import annotations

from rayproof.model.actors.ray2.lifecycle import Life
from rayproof.model.graph import ObjectId, Resources, TaskId, Wait
from rayproof.model.kernel import StateView, always, audit, first, sometimes
from rayproof.model.lineage.ray2.execution import Borrower
from rayproof.model.lineage.ray2.programs import Failure, GetOne, Stage
from rayproof.model.scheduler.ray2.bundles import GROUP
from rayproof.model.scheduler.ray2.owned.actors import ActorTable
from rayproof.model.scheduler.ray2.owned.driver import TaskManager
from rayproof.model.scheduler.ray2.owned.node import LeasedExecutor
from rayproof.model.scheduler.ray2.owned.raylet import ACTOR, ClusterRaylet
from rayproof.model.scheduler.ray2.owned.submitter import Submitter
from rayproof.properties.actors.ray2.statements import attempts_never_overlap, results_match_their_incarnation
from rayproof.properties.cluster.owned.calls import (
    CLUSTER_CALLS,
    a_call_fails_with_its_actor,
    a_call_is_executed_again,
    a_restarted_actor_is_called,
)
from rayproof.properties.cluster.ray2.groups.statements import GROUPS, a_group_is_rescheduled, bundles_fit_their_node
from rayproof.properties.cluster.ray2.statements import a_redirected_request_is_not_sent_on, the_draining_grant_nothing
from rayproof.properties.lineage.ray2.statements import (
    OWNERSHIP,
    every_get_ends_in_value_or_error,
    no_lost_objects,
    unneeded_values_are_freed,
)
from rayproof.properties.lineage.ray2.workers.statements import cancelled_never_starts_again


@always(ClusterRaylet, source="Ray 2.60 local_resource_manager.cc, placement_group_resource_manager.cc; S2")
def leases_and_bundles_add_up(view: StateView) -> str | None:
    """Free, leased and reserved is what a node has and its bundles offer, in room and in workers.

    Leases that never waited have their room.
    """
    for name, raylet in view.of(ClusterRaylet).items():
        if raylet.told is None:
            continue
        total, held, fresh = raylet.totals[name] + raylet.offered, raylet.free + raylet.reserved, Resources()
        for _, worker, taken in raylet.granted.values():
            held = held + (taken - raylet.processors(worker) if worker in raylet.blocked else taken)
            if worker not in raylet.blocked and worker not in raylet.resumed:
                fresh = fresh + taken
        if held != total:
            return f"{name}: free, leased and reserved are {held} of {total}"
        if not fresh.fits(total):
            return f"{name}: leases that never waited hold {fresh} of {total}"
        leased = [worker for _, worker, _ in raylet.granted.values()]
        if sorted([*raylet.idle, *leased]) != sorted(raylet.workers):
            return f"{name}: idle and leased workers are not its workers"
    return None


@always(LeasedExecutor, ClusterRaylet, source="Ray 2.60 node_manager.cc: a worker is leased as long as it runs; S3''")
def attempts_run_on_their_leases(view: StateView) -> str | None:
    """Each attempt on a live node runs on a lease of its own, which the node has granted and not got back."""
    raylets = {raylet.executor: (at, raylet) for at, raylet in view.of(ClusterRaylet).items()}
    for name, executor in view.of(LeasedExecutor).items():
        at, raylet = raylets[name]
        leases = [executor.lease_of[task] for task in executor.attempts]
        for task, lease in zip(executor.attempts, leases, strict=True):
            if leases.count(lease) > 1:
                return f"two attempts on {at} are on lease {lease}"
            if lease not in raylet.granted:
                return f"{task} runs on lease {lease}, which {at} has not granted or has got back"
    return None


@audit(Submitter, ClusterRaylet, source="bug benchmark L1, L2: what a node has room for does not wait")
def nothing_waits_where_there_is_room(view: StateView) -> str | None:
    """At rest, no task waits while a node has room for it, and no actor while its own node has."""
    raylets = view.of(ClusterRaylet)
    waiting = [
        (tasks[0], scheduling_class)
        for submitter in view.of(Submitter).values()
        for scheduling_class, tasks in submitter.queued.items()
        if tasks
    ]
    for name, raylet in raylets.items():
        for task, scheduling_class in waiting:
            if raylet.idle and raylet.allocation(scheduling_class) is not None:
                return f"{task} waits, {name} has room and a worker"
    for name, raylet in raylets.items():
        if raylet.to_start and raylet.idle and raylet.allocation(ACTOR) is not None:
            return f"an actor waits on {name}, which has room and a worker"
    return None


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
def who_waits_waits_for_room(view: StateView) -> str | None:
    """At rest, all tasks, calls and reads have ended, unless they wait for room."""
    for name, owner in view.of(TaskManager).items():
        waiting = _waiting(owner, view)
        unfinished = {t.result for t in owner.tasks if owner.stage.get(t.name) in (Stage.PENDING, Stage.SUBMITTED)}
        for object_id in sorted(unfinished ^ waiting):
            return f"{object_id} is not made, and waits for no room"
        if owner.at != len(owner.program) and not _is_stuck(owner, waiting):
            return f"{name} waits in action {owner.at + 1} of {len(owner.program)}, and for no room"
        # A driver that waits may not have come yet to the task that makes what another process reads.
        unmade = (
            {t.result for t in owner.tasks if t.name not in owner.stage} if owner.at != len(owner.program) else set()
        )
        for borrower_name, borrower in view.of(Borrower).items():
            if not borrower.outcome and borrower.object not in waiting | unmade:
                return f"{borrower_name} waits for {borrower.object}, which waits for no room"
    return None


@audit(TaskManager, Submitter, ActorTable, LeasedExecutor, source="OSDI 2018 §4.2.3; bug benchmark S1")
def what_is_referred_to_is_somewhere(view: StateView) -> str | None:
    """At rest, whatever a live driver refers to is on a live node, has failed, or waits for a task without room."""
    nodes = view.of(LeasedExecutor).values()
    for name, owner in view.of(TaskManager).items():
        made = {*_waiting(owner, view), *owner.failures, *owner.small}
        for object_id in sorted(owner.references - made):
            if not any(node.has(object_id) for node in nodes):
                return f"{object_id}: no copy and no error, {name} refers to it"
    return None


@audit(TaskManager, LeasedExecutor, source="bug benchmark S2: at quiescence nothing is held")
def what_nobody_needs_is_freed(view: StateView) -> str | None:
    """At rest, a driver keeps a value only for itself, for lineage, or for a waiting task."""
    return first(
        f"{object_id} is kept for {name}, which does not need it"
        for name, owner in view.of(TaskManager).items()
        for object_id in owner.known_objects()
        if owner.places(object_id) and not owner.is_needed(object_id) and not owner.held_by_lineage(object_id)
    )


@audit(ClusterRaylet, source="Ray #17634; bug benchmark D50")
def no_lease_is_held_in_vain(view: StateView) -> str | None:
    """At rest, every worker has been returned except for those of actors and those that wait for arguments."""
    return first(
        f"{worker} of {name} is not back"
        for name, raylet in view.of(ClusterRaylet).items()
        for scheduling_class, worker, _ in raylet.granted.values()
        if scheduling_class != ACTOR and worker not in raylet.blocked
    )


@audit(ActorTable, ClusterRaylet, source="Ray 2.60 gcs_actor_manager.cc, OnNodeDead; bug benchmark S2")
def actors_live_where_their_table_says(view: StateView) -> str | None:
    """At rest, a node has a worker for each actor that lives there and a request for each that is to come."""
    for table in view.of(ActorTable).values():
        for name, raylet in view.of(ClusterRaylet).items():
            here = {a: life for a, life in table.life.items() if table.node[a] == name and life is not Life.DEAD}
            alive = {(a, table.incarnation[a]) for a, life in here.items() if life is Life.ALIVE}
            coming = {(a, table.incarnation[a]) for a, life in here.items() if life is not Life.ALIVE}
            workers = {(a, incarnation) for a, (incarnation, _) in raylet.living.items()}
            for actor, incarnation in sorted(workers ^ alive):
                where = "only in the table" if (actor, incarnation) in alive else "not in the table"
                return f"incarnation {incarnation} of {actor} lives on {name}: {where}"
            for actor, incarnation in sorted({*raylet.to_start} ^ coming):
                return f"incarnation {incarnation} of {actor}: {name} and the table differ about whether it is to come"
        for actor, life in table.life.items():
            if table.node[actor] in view.dead and life is not Life.DEAD:
                return f"{actor} is {life} on {table.node[actor]}, which is dead"
    return None


@sometimes(ClusterRaylet, source="Ray 2.60 resource_instance_set.cc")
def a_lease_is_granted_in_a_bundle(view: StateView) -> str | None:
    """Some task runs in a bundle."""
    return first(
        f"{name} has granted one"
        for name, raylet in view.of(ClusterRaylet).items()
        for _, _, taken in raylet.granted.values()
        if any(GROUP in each for each, _ in taken.units)
    )


@sometimes(LeasedExecutor, source="Ray 2.60 node_manager.cc, HandleCancelResourceReserve")
def a_worker_is_killed(view: StateView) -> str | None:
    """Some worker is killed before its attempt has ended or has even arrived."""
    return first(f"a worker of {name} ends" for name, e in view.of(LeasedExecutor).items() if e.ended)


@sometimes(TaskManager, source="Ray 2.60 normal_task_submitter.cc, CancelTask")
def a_task_ends_cancelled(view: StateView) -> str | None:
    """Some task is cancelled."""
    return first(
        f"{object_id} of {name}"
        for name, owner in view.of(TaskManager).items()
        for object_id, failure in owner.failures.items()
        if failure is Failure.CANCELLED
    )


@sometimes(ActorTable, source="Ray 2.60 gcs_actor_manager.cc, RestartActor")
def an_actor_is_restarted(view: StateView) -> str | None:
    """Some actor has lost its node and is placed again."""
    return first(f"{min(table.restarts)} is restarted" for table in view.of(ActorTable).values() if table.restarts)


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
    the_draining_grant_nothing,
    a_redirected_request_is_not_sent_on,
    # A worker that waits gives its CPU to a bundle, and takes it again in spite of it.
    *(each for each in GROUPS if each is not bundles_fit_their_node),
    cancelled_never_starts_again,
    *OF_CALLS,
    *HAPPENS,
)
"""Everything that is checked of whole clusters of today's Ray; a read may wait where its task has no room."""
