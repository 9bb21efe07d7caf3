"""Planted bugs of the creation and end of actors."""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.actors.ray2.lifecycle import ActorManager, ActorNode, Life
from rayproof.model.kernel import Context
from rayproof.properties.bug import Bug


@dataclass(slots=True)
class ForgetsPendingWorkers(ActorManager):
    """Ray #17634: the worker of an actor that was killed while it was created is not given back."""

    def give_back(self, ctx: Context, actor: str) -> None:
        pass

    def leased(self, ctx: Context, actor: str, incarnation: int, node: str) -> None:
        if self.is_current(actor, incarnation):
            self.life[actor] = Life.ALIVE


@dataclass(slots=True)
class RestartsOrphans(ActorManager):
    """Ray #8261: an actor that ends with its owner is taken for one that has failed, and restarted."""

    def destroy(self, ctx: Context, actor: str) -> None:
        if self.owner_dead and self.life[actor] is not Life.DEAD:
            self.give_back(ctx, actor)
            self.worker_failed(ctx, actor)
        else:
            ActorManager.destroy(self, ctx, actor)

    def may_restart(self, actor: str) -> bool:
        return True


@dataclass(slots=True)
class RestartsForEver(ActorManager):
    """The budget of restarts is not looked at."""

    def worker_failed(self, ctx: Context, actor: str) -> None:
        self.life[actor] = Life.RESTARTING
        self.schedule(ctx, actor)


@dataclass(slots=True)
class LosesRequests(ActorNode):
    """A node without a slot forgets the request."""

    def start_waiting(self, ctx: Context) -> None:
        ActorNode.start_waiting(self, ctx)
        self.waiting = ()


@dataclass(slots=True)
class EndsTheDetached(ActorManager):
    """A detached actor is ended with the process that created it."""

    def shares_fate(self, actor: str) -> bool:
        return True


@dataclass(slots=True)
class ForgetsTakenNames(ActorManager):
    """An actor gets a name whoever has it."""

    def is_taken(self, name: str) -> bool:
        return False


LIFECYCLE_BUGS = (
    Bug(
        "ends_the_detached",
        "A detached actor ends with the process that created it.",
        {ActorManager: EndsTheDetached},
        "detached_actors_outlive_their_owner",
        "lifecycle-detached",
    ),
    Bug(
        "forgets_taken_names",
        "Two living actors have one name.",
        {ActorManager: ForgetsTakenNames},
        "one_actor_per_name",
        "lifecycle-named",
    ),
    Bug(
        "forgets_pending_workers",
        "A worker that comes up for a killed actor is kept by nobody (D50).",
        {ActorManager: ForgetsPendingWorkers},
        "no_worker_leaks",
        "lifecycle-kill",
    ),
    Bug(
        "restarts_orphans",
        "Actors of a dead owner are restarted (D51).",
        {ActorManager: RestartsOrphans},
        "actors_end_with_their_owner",
        "lifecycle-owner-dies",
    ),
    Bug(
        "restarts_for_ever",
        "An actor is restarted beyond its budget.",
        {ActorManager: RestartsForEver},
        "restarts_bounded",
        "lifecycle-fails",
    ),
    Bug(
        "loses_requests",
        "A node without a free slot forgets who has asked for a worker.",
        {ActorNode: LosesRequests},
        "living_actors_have_one_worker",
        "lifecycle-owner-dies",
    ),
)
"""The planted bugs of the creation and end of actors."""
