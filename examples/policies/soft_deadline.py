"""Soft deadlines: earliest deadline first in each node's queue, higher priority first among equals; DEFAULT places."""

from dataclasses import dataclass

from rayproof.model.scheduler.policy.built_in import Default

FAR = 1 << 62


@dataclass(frozen=True)
class SoftDeadline(Default):
    """Tasks without a deadline go last, in the order in which they came."""

    name: str = "soft_deadline"

    def order(self, queue, view, memory, ctx):
        def urgency(task):
            deadline = task.hints.deadline_us
            return (FAR if deadline is None else deadline, -task.hints.priority)

        return min(queue, key=urgency).id
