"""What a priority queue for transfers promises; first come, first served does not."""

from __future__ import annotations

from rayproof.model.kernel import StateView, Taken, step
from rayproof.model.objects.ray2.transfer import ObjectManager


@step(ObjectManager, source="seed notes: a priority queue for objects that are to be sent")
def urgent_objects_go_first(before: StateView, taken: Taken, after: StateView) -> bool:
    """No node begins to send an object while a more urgent one waits there for the same receiver."""
    later = after.of(ObjectManager)
    for name, manager in before.of(ObjectManager).items():
        if name not in later:
            continue
        priority = dict(manager.priorities)
        waiting = {(push.object, push.to) for push in manager.pushes if not push.next}
        still = {(push.object, push.to) for push in later[name].pushes if not push.next}
        for begun, to in waiting - still:
            if any(priority.get(o, 0) > priority.get(begun, 0) for o, receiver in waiting & still if receiver == to):
                return False
    return True
