"""Fair share between jobs: on each node the job that holds least of its CPUs goes next.

The job of a task is its hint `job` (`_labels={"job": "team-a"}` in a recorded script). A public wish: Ray issues 44733
and 5851, which ask for it in terms of users and of functions.
"""

from collections import Counter
from dataclasses import dataclass

from rayproof.model.scheduler.policy.built_in import DefaultPolicy


@dataclass(frozen=True)
class FairShare(DefaultPolicy):
    """Tasks without a job are one job of their own."""

    name: str = "fair_share"

    def order(self, queue, view, memory, ctx):
        held = Counter()
        for task in view.holding:
            held[task.hints.job] += task.demand["CPU"]
        return min(queue, key=lambda task: held[task.hints.job]).id
