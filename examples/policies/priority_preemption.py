"""Priority with preemption: the most urgent task goes next, and ends a less urgent one when there is no room.

What is ended has lost its work and one of its retries, so that only tasks that can be tried again make room, of these
the least urgent, and only as many as it takes. A public wish: Ray issues 16782, 6057 and 52865.
"""

from dataclasses import dataclass

from rayproof.model.scheduler.policy.built_in import DefaultPolicy


@dataclass(frozen=True)
class PriorityPreemption(DefaultPolicy):
    """Reads the hint `priority`: higher goes first."""

    name: str = "priority_preemption"

    def order(self, queue, view, memory, ctx):
        # Among equals the first that came: `max` keeps the first of them.
        return max(queue, key=lambda task: task.hints.priority).id

    def preempt(self, task, running, free, memory, ctx):
        lower = [each for each in running if each.retriable and each.hints.priority < task.hints.priority]
        least = sorted(lower, key=lambda each: each.hints.priority)
        room = free
        for each in least:
            room = room + each.demand
            if task.demand.fits(room):
                return least[0].id
        return None  # All of them together would not be enough: nobody loses work for nothing.
