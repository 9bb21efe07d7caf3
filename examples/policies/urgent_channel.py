"""An urgent channel for objects: what an urgent task needs leaves at once, beside what is on its way already.

The notes have two ideas against an urgent object that waits behind a large one: a queue that is put into another order
(`priority_transfer`), and a second connection for what is urgent. This is the second one; both share the bandwidth.
"""

from dataclasses import dataclass

from rayproof.model.scheduler.policy.hooks import WAIT
from rayproof.model.scheduler.policy.move_hooks import Urgent


@dataclass(frozen=True)
class UrgentChannel:
    """An object is as urgent as the most urgent task that needs it (hint `priority`). DEFAULT places."""

    name: str = "urgent_channel"
    from_priority: int = 1

    def transfer(self, queue, view, memory, ctx):
        urgent = [each for each in queue if each.priority >= self.from_priority]
        if view.urgent and urgent:
            return Urgent(max(urgent, key=lambda each: each.priority).id)
        return queue[0] if view.free else WAIT
