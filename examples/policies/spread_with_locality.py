"""SPREAD that looks at data: of the nodes with the fewest tasks, the one that holds most input bytes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SpreadWithLocality:
    """`slack`: how many tasks more than the emptiest a node may have and still be chosen for its data."""

    name: str = "spread_with_locality"
    slack: int = 1

    def place(self, task, view, memory, ctx):
        with_room = [node for node in view.options if node.fits_now(task.demand)]
        if not with_room:
            return None
        fewest = min(node.queue_length for node in with_room)
        close = [node for node in with_room if node.queue_length <= fewest + self.slack]
        return min(close, key=lambda node: (-view.local_bytes.get(node.name, 0), node.queue_length, node.index)).name
