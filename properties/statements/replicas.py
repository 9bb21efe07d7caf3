"""What must hold of several global schedulers that share the GCS."""

from __future__ import annotations

from model.cluster.protocol import AssignTask, ForwardTask
from model.kernel import StateView, always, slot_of, sometimes
from model.scheduler.replicas import AssignedElsewhere, SharingScheduler


@always(
    SharingScheduler,
    links=("*", "*"),
    source="OSDI 2018 §4.2.2: replicas share their information through the GCS; bug benchmark D01 between replicas",
)
def replicas_count_what_others_assign(view: StateView) -> bool:
    """What one replica assigned and has not arrived counts as load with each other one that has been told."""
    messages = view.messages()
    on_the_way = {(receiver, m.task) for _, receiver, _, m in messages if isinstance(m, AssignedElsewhere)}
    for sender, node, _, message in messages:
        if not isinstance(message, AssignTask):
            continue
        for name, scheduler in view.of(SharingScheduler).items():
            state = scheduler.nodes.get(node)
            if state is None or (name, message.task) in on_the_way:
                continue
            known = state.pending if name == sender else scheduler.assigned_elsewhere(node)
            if message.task not in known:
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
