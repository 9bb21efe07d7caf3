"""Method 1 of the notes, whole: tasks look three times more, with growing pauses; for actors others make room."""

from dataclasses import dataclass

from rayproof.model.scheduler.policy.built_in import Default
from rayproof.model.scheduler.policy.hooks import WAIT
from rayproof.model.scheduler.policy.move_hooks import MoveActor
from rayproof.model.scheduler.policy.queue_hooks import GIVE_UP, Backoff


@dataclass(frozen=True)
class BackoffAndMigration(Default):
    """Pauses of 1, 2 and 4 s for tasks; the smallest actor whose departure makes room moves to where it fits."""

    name: str = "backoff_and_migration"
    retries: int = 3
    first_us: int = 1_000_000

    def retry(self, task, attempt, view, memory, ctx):
        if task.actor:
            return WAIT  # its room is made, not waited for
        return GIVE_UP if attempt >= self.retries else Backoff(self.first_us * 2**attempt)

    def migrate(self, request, view, memory, ctx):
        for actor in sorted(view.actors, key=lambda actor: (actor.size, actor.name)):
            source = view.host(actor.host)
            if source is None or source.free + actor.size < request.size:
                continue
            # Best fit: the fullest host that still has room, so that large gaps stay.
            fitting = [host for host in view.hosts if host.name != actor.host and host.free >= actor.size]
            if fitting:
                return MoveActor(actor.name, min(fitting, key=lambda host: (host.free, host.name)).name)
        return WAIT
