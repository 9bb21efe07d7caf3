"""Label affinity with fallback: the first label selector of a task that has a node with room, as Ray; else wait where
the first one is, and keep nodes with labels for those who ask for them.

A task says what it wants by `label_selector` and `fallback_strategy`, as on Ray 2.60. Ray waits at the node that it
finds feasible first; and who asks for nothing goes anywhere, also to the one node that others need.
"""

from dataclasses import dataclass

from rayproof.model.graph.labels import matches


@dataclass(frozen=True)
class LabelAffinity:
    """Nodes with fewer labels go first for tasks that ask for none; then the less used ones."""

    name: str = "label_affinity"
    locality: bool = False

    def place(self, task, view, memory, ctx):
        for selector in task.selectors or ((),):
            now = [n for n in view.options if matches(selector, n.labels) and n.fits_now(task.demand)]
            if now:
                return min(now, key=lambda node: (len(node.labels), node.utilization, node.index)).name
        # Nobody has room: in the queue of the shortest, among those that the earliest selector allows.
        for selector in task.selectors or ((),):
            ever = [node for node in view.options if matches(selector, node.labels)]
            if ever:
                return min(ever, key=lambda node: (node.queue_length, node.index)).name
        return None
