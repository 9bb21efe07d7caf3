"""What must hold of several global schedulers that share the GCS."""

from __future__ import annotations

from rayproof.model.cluster.protocol import AssignTask, ForwardTask, TaskAssigned
from rayproof.model.gcs.chained import ChainedStore
from rayproof.model.kernel import StateView, always, slot_of, sometimes
from rayproof.model.scheduler.replicas import AssignedElsewhere, SharingScheduler


@always(
    SharingScheduler,
    ChainedStore,
    links=("*", "*"),
    source="OSDI 2018 §4.2.2: replicas share their information through the GCS; bug benchmark D01 between replicas",
)
def replicas_count_what_others_assign(view: StateView) -> bool:
    """What one replica assigned and has not arrived counts as load with each other one that has been told."""
    schedulers = view.of(SharingScheduler)
    if not schedulers:
        return True
    messages = view.messages()
    assigned = [(sender, node, m.task) for sender, node, _, m in messages if isinstance(m, AssignTask)]
    if not assigned:
        return True
    unsaid = {m.task for _, _, _, m in messages if isinstance(m, TaskAssigned)}
    for store in view.of(ChainedStore).values():
        unsaid |= {m.task for _, m in store.requests if isinstance(m, TaskAssigned)}
    on_the_way = {(receiver, m.task) for _, receiver, _, m in messages if isinstance(m, AssignedElsewhere)}
    for sender, node, task in assigned:
        for name, scheduler in schedulers.items():
            state = scheduler.nodes.get(node)
            if state is None or (name != sender and (task in unsaid or (name, task) in on_the_way)):
                continue
            known = state.pending if name == sender else scheduler.assigned_elsewhere(node)
            if task not in known:
                return False
    return True


@always(links=("*", "scheduler*"), source="OSDI 2018 §4.2.2; bug benchmark L4: no ping-pong between schedulers")
def one_replica_places_a_task(view: StateView) -> bool:
    """A replica that is given a task keeps it until it has placed it; it hands it to no other."""
    return not any(
        isinstance(message, ForwardTask) and slot_of(sender).startswith("scheduler")
        for sender, _, _, message in view.messages()
    )


@sometimes(SharingScheduler, source="OSDI 2018 §4.2.2")
def two_replicas_assign_to_one_node(view: StateView) -> bool:
    """Some replica hears that another one has assigned to a node to which it has assigned itself."""
    return any(
        state.pending and scheduler.assigned_elsewhere(node)
        for scheduler in view.of(SharingScheduler).values()
        for node, state in scheduler.nodes.items()
    )


REPLICAS = (replicas_count_what_others_assign, one_replica_places_a_task, two_replicas_assign_to_one_node)
"""Checked where there are several global schedulers."""
