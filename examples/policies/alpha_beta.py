"""score = alpha * load_balance + beta * data_locality, the seed's second target; the lowest score gets the task."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AlphaBeta:
    """Load is the queue in tasks per CPU; locality the share of the input bytes that would have to be moved."""

    name: str = "alpha_beta"
    alpha: float = 1.0
    beta: float = 0.5

    def place(self, task, view, memory, ctx):
        with_room = [node for node in view.options if node.fits_now(task.demand)]
        if not with_room:
            return None
        return min(with_room, key=lambda node: (self.score(node, view), node.index)).name

    def score(self, node, view):
        load = node.queue_length / max(1, int(node.total["CPU"]))
        remote = view.remote_bytes(node.name) / view.input_bytes if view.input_bytes else 0
        return self.alpha * load + self.beta * remote
