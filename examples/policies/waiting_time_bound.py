"""Waiting-time bound: the node with the data as long as a task waits there at most so long, else the shortest wait."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WaitingTimeBound:
    """A task that told how long it is willing to wait (`waiting_timeout_us`) is taken at its word."""

    name: str = "waiting_time_bound"
    bound_us: int = 500_000

    def place(self, task, view, memory, ctx):
        if not view.options:
            return None
        wanted = task.hints.waiting_timeout_us
        bound = self.bound_us if wanted is None else wanted
        holders = [node for node in view.options if view.local_bytes.get(node.name, 0)]
        soon = [node for node in holders if self.wait_us(node, task) <= bound]
        if soon:
            return max(soon, key=lambda node: (view.local_bytes[node.name], -node.index)).name
        return min(view.options, key=lambda node: (self.wait_us(node, task), node.index)).name

    def wait_us(self, node, task):
        # With room it starts at once; otherwise each CPU works off its part of what is queued there.
        if node.fits_now(task.demand):
            return 0
        return node.queued_us // max(1, int(node.total["CPU"]))
