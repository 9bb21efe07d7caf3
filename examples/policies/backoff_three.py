"""Method 1 for tasks: look for a place at most three times more, each time after twice the time; then give up."""

from dataclasses import dataclass

from rayproof.model.scheduler.policy.built_in import Default
from rayproof.model.scheduler.policy.queue_hooks import GIVE_UP, Backoff


@dataclass(frozen=True)
class BackoffThree(Default):
    """Waits 1, 2 and 4 seconds."""

    name: str = "backoff_three"
    retries: int = 3
    first_us: int = 1_000_000

    def retry(self, task, attempt, view, memory, ctx):
        return GIVE_UP if attempt >= self.retries else Backoff(self.first_us * 2**attempt)
