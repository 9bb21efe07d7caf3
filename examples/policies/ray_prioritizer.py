"""A prioritizer as Ray's draft proposal has them, checked as it stands: the nearest deadline first, then the
priority.
"""

from rayproof.model.scheduler.policy.prioritizer import prioritized

FAR = 1e9


class DeadlinePrioritizer:
    """Nothing here knows of rayproof."""

    def name(self):
        return "deadline_prioritizer"

    def calculate_priority(self, task):
        deadline = float(task.labels.get("deadline", FAR))
        return float(task.labels.get("priority", 0)) - deadline

    def should_recalculate_priority(self):
        return False


policy = prioritized(DeadlinePrioritizer())
