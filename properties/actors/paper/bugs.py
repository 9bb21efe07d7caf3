"""Planted bugs of an actor's replay."""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.actors.paper.replay import ChainStore, MethodRan, ReplayedActor
from rayproof.model.kernel import Context
from rayproof.properties.bug import Bug


@dataclass(slots=True)
class BeginsAnew(ChainStore):
    """Only methods without a result run again, on a state without the others."""

    def replayed(self, position: int) -> list[int]:
        return [later for later in ChainStore.replayed(self, position) if later not in self.results]


@dataclass(slots=True)
class NeverRestores(ChainStore):
    """A dead actor stays dead."""

    def restore(self, ctx: Context) -> None:
        pass


@dataclass(slots=True)
class ReportsTheStateBefore(ReplayedActor):
    """The result of a method is the state without it."""

    def fire(self, ctx: Context, timer: str) -> None:
        ctx.send("gcs", MethodRan(self.queue[0].position, self.state))
        ReplayedActor.fire(self, ctx, timer)


REPLAY_BUGS = (
    Bug(
        "begins_anew",
        "Methods that have a result are left out of the replay, though the state needs them.",
        {ChainStore: BeginsAnew},
        "every_state_follows_the_chain",
        "replay",
        also=("results_follow_the_chain",),
    ),
    Bug(
        "never_restores",
        "A dead actor is not made again.",
        {ChainStore: NeverRestores},
        "every_method_has_its_result",
        "replay",
    ),
    Bug(
        "reports_the_state_before",
        "A result lacks its own method.",
        {ReplayedActor: ReportsTheStateBefore},
        "results_follow_the_chain",
        "replay",
    ),
)
"""The planted bugs of replay."""
