"""Priority transfer queue: urgent objects go first, after what has begun for the same receiver."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PriorityTransfer:
    """Placement is left to Ray's default. Without `whole`, urgent objects break in between two chunks of others."""

    name: str = "priority_transfer"
    whole: bool = True

    def transfer(self, queue, view, memory, ctx):
        begun = {each.to for each in queue if each.sent}
        ready = [each for each in queue if each.sent or each.to not in begun] if self.whole else queue
        return max(ready, key=lambda each: (each.priority, -queue.index(each)))
