"""Packing that frees nodes: the fullest node that still has room, so that the emptiest ones can go."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Packing:
    """Best fit on the critical resource; ties go to the first node."""

    name: str = "packing"
    locality: bool = False

    def place(self, task, view, memory, ctx):
        with_room = [node for node in view.options if node.fits_now(task.demand)]
        if not with_room:
            return None
        return max(with_room, key=lambda node: (node.utilization, -node.index)).name
