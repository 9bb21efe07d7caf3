"""Two connections to each node: what must hold of whatever is sent over them, and what an urgent one is for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from rayproof.model.graph import Hints, NodeAffinity, Program
from rayproof.model.kernel import StateView, always, first, sometimes
from rayproof.model.objects.ray2.object_manager import URGENT, ObjectManager
from rayproof.model.scheduler.policy.built_in import DefaultPolicy
from rayproof.model.scheduler.policy.hooks import Choices
from rayproof.model.scheduler.policy.move_hooks import LinkView, Urgent, WaitingObject
from rayproof.properties.cluster.ray2.scopes import LARGE, program, scope, task
from rayproof.properties.entry import equal_nodes


@dataclass(frozen=True)
class UrgentConnection(DefaultPolicy):
    """Ray's default; what an urgent task needs leaves at once, over the urgent connection if it has to."""

    name: str = "urgent_connection"

    def transfer(
        self, queue: Sequence[WaitingObject], view: LinkView, memory: Any, ctx: Choices
    ) -> WaitingObject | Urgent | None:
        """The most urgent one goes first; while the ordinary connection is busy, only what is urgent goes."""
        first = max(queue, key=lambda each: (each.priority, -queue.index(each)))
        if view.urgent and first.priority > 0:
            return Urgent(first.id)
        return first if view.free else None


@always(ObjectManager, source="Ray 2.60 push_manager.cc, StartPush: a push that runs is not begun again")
def a_copy_is_sent_once(view: StateView) -> str | None:
    """An object does not wait for a node to which it is on its way, nor does it go there twice at once."""
    for name, manager in view.of(ObjectManager).items():
        for to in manager.stores.values():
            all_of_it = [*manager.waiting.get(to, ()), *(sent for sent, _ in manager.on_their_way(to))]
            if len(all_of_it) > len(set(all_of_it)):
                return f"{name} sends {', '.join(sorted(all_of_it))} to {to}"
    return None


@always(ObjectManager, source="notes: an urgent channel beside the best-effort one")
def urgent_objects_do_not_wait(view: StateView) -> str | None:
    """No object that an urgent task needs waits while the urgent connection to that task's node is free."""
    return first(
        f"{waits} waits in {name} for {to}"
        for name, manager in view.of(ObjectManager).items()
        for to, waiting in manager.waiting.items()
        for waits in waiting
        if manager.priority(waits) > 0 and URGENT + to not in manager.sending
    )


@sometimes(ObjectManager, source="notes: an urgent channel beside the best-effort one")
def both_connections_are_used(view: StateView) -> str | None:
    """Two objects are on their way from one node to another at one time."""
    return first(
        f"from {name} to {to}"
        for name, manager in view.of(ObjectManager).items()
        for to in manager.stores.values()
        if len(manager.on_their_way(to)) == 2
    )


def _urgently(program: Program, urgent: str) -> Program:
    tasks = {name: replace(each, hints=Hints(priority=int(name == urgent))) for name, each in program.tasks.items()}
    return Program(tasks, program.objects, program.driver, program.name)


TRANSFER_ENTRIES = (
    # Two readers on one node of two objects on another: what the urgent one needs may go beside the other's.
    scope(
        "today-urgent",
        _urgently(
            program(
                "",
                replace(task("a", strategy=NodeAffinity("n1")), outputs=("o-a", "o-b")),
                task("c", "o-a", strategy=NodeAffinity("n0"), function="g"),
                task("d", "o-b", strategy=NodeAffinity("n0"), function="h"),
                size=LARGE,
                waits_for=("c", "d"),
            ),
            "d",
        ),
        equal_nodes(2),
        a_copy_is_sent_once,
        both_connections_are_used,
        hook="transfer",
        policy=UrgentConnection(),
        as_ray=(urgent_objects_do_not_wait,),
    ).sized(8_798, 32_013, 28),
)
"""One scope for the two connections; the promise is that of the scope's own policy."""
