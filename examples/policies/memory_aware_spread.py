"""Memory-aware spread: to the node that would have the largest share of its memory and of its object store left.

SPREAD takes turns whatever is free, so that two large tasks meet on a small node and one of them is killed for
memory. A public wish: tasks that state `memory=` should be spread by it.
"""

from dataclasses import dataclass

from rayproof.model.scheduler.policy.built_in import DefaultPolicy

MEASURED = ("memory", "object_store_memory", "CPU")


@dataclass(frozen=True)
class MemoryAwareSpread(DefaultPolicy):
    """The share that is left is that of the scarcest of them."""

    name: str = "memory_aware_spread"

    def place(self, task, view, memory, ctx):
        def left(node):
            shares = [
                (node.available.get(what, 0) - task.demand[what]) / node.total[what]
                for what in MEASURED
                if node.total[what]
            ]
            return min(shares, default=0)

        now = [node for node in view.options if node.fits_now(task.demand)]
        best = max(now or view.options, key=lambda node: (left(node), -node.index))
        return best.name, memory
