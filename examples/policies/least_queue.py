"""A small proposal: the node with the shortest queue, among those with room; wait when none has."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LeastQueue:
    """Balances load and ignores where data is."""

    name: str = "least_queue"
    locality: bool = False

    def place(self, task, view, memory, ctx):
        with_room = [node for node in view.options if node.fits_now(task.demand)]
        if not with_room:
            return None
        return min(with_room, key=lambda node: (node.queue_length, node.index)).name
