"""Method 2: at most three retries with growing pauses, and no more than 3 s in all, for tasks and actors alike."""

from dataclasses import dataclass

from rayproof.model.scheduler.policy.built_in import Default
from rayproof.model.scheduler.policy.queue_hooks import GIVE_UP, Backoff


@dataclass(frozen=True)
class ThreeSeconds(Default):
    """Pauses of 0.5, 1 and 1.5 s; a task's own `waiting_timeout_us` takes the place of the 3 s."""

    name: str = "three_seconds"
    retries: int = 3
    timeout_us: int = 3_000_000

    def retry(self, task, attempt, view, memory, ctx):
        limit = self.timeout_us if task.hints.waiting_timeout_us is None else task.hints.waiting_timeout_us
        waited = sum(500_000 * 2**past for past in range(attempt))
        if attempt >= self.retries or waited >= limit:
            return GIVE_UP
        return Backoff(min(500_000 * 2**attempt, limit - waited))
