"""Label affinity with fallback: a node with the label if one has room, else one that could have it, else any.

Ray 2.60 has label selectors, which are hard unless a fallback strategy is given, and that is tried in order. Here it
is a policy: who asks for nothing is placed as by DEFAULT among the nodes without the label, which stay free for those
who do.
"""

from dataclasses import dataclass

from rayproof.model.scheduler.policy.built_in import DefaultPolicy


@dataclass(frozen=True)
class LabelAffinity(DefaultPolicy):
    """Tasks whose function is in `wanting` prefer nodes with the label."""

    name: str = "label_affinity"
    label: tuple[str, str] = ("disk", "ssd")
    wanting: tuple[str, ...] = ("load", "shuffle")

    def place(self, task, view, memory, ctx):
        labelled = [node for node in view.options if self.label in node.labels]
        others = [node for node in view.options if self.label not in node.labels]
        first, second = (labelled, others) if task.name in self.wanting else (others, labelled)
        for nodes in (first, second):
            now = [node for node in nodes if node.fits_now(task.demand)]
            if now:
                return min(now, key=lambda node: (node.utilization, node.index)).name, memory
        waiting = first or second
        return min(waiting, key=lambda node: (node.queue_length, node.index)).name, memory
