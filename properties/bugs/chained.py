"""Planted bugs below the cluster: of the chains that keep its control state, and of the front end before them."""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.gcs.chain import Replica
from rayproof.model.gcs.chained import RowClient
from rayproof.model.gcs.protocol import Configuration
from rayproof.model.kernel import Context
from rayproof.properties.bugs.base import Bug
from rayproof.properties.bugs.chain import AnswersEarly


@dataclass(slots=True)
class NeverAsksAgain(RowClient):
    """What was sent to a replica that failed is not sent to another."""

    def learn(self, ctx: Context, configuration: Configuration) -> None:
        pending, self.pending = self.pending, {}
        RowClient.learn(self, ctx, configuration)
        self.pending = pending


@dataclass(slots=True)
class WaitsForTheAnswer(RowClient):
    """The front end has no time-out: a repeat that met the new tail before it knew its role was the last."""

    def go_on(self, ctx: Context) -> None:
        RowClient.go_on(self, ctx)
        ctx.cancel_timer("retry")


CHAINED_BUGS = (
    Bug(
        "loses_rows_of_the_cluster",
        "The chain acknowledges a row before its tail has it; with the head goes the only word of where an object is.",
        {Replica: AnswersEarly},
        "no_lost_objects",
        "cluster-chain",
        "van Renesse and Schneider 2004, §2",
    ),
    Bug(
        "loses_rows_of_a_shard",
        "The same in one of two chains, while the other keeps what it has.",
        {Replica: AnswersEarly},
        "no_lost_objects",
        "cluster-two-chains",
        "van Renesse and Schneider 2004, §2",
    ),
    Bug(
        "asks_the_dead_only",
        "The front end does not turn to the next replica when one has failed.",
        {RowClient: NeverAsksAgain},
        "no_lost_objects",
        "cluster-chain-get",
        "van Renesse and Schneider 2004, §2",
        ("the_program_ends",),
    ),
    Bug(
        "waits_for_the_answer",
        "The tail's answer is lost with it, the repeat meets its successor too early, and nobody asks a third time.",
        {RowClient: WaitsForTheAnswer},
        "no_lost_objects",
        "cluster-chain-lost",
        "van Renesse and Schneider 2004, §2: a client that gets no reply asks again",
        also=(),
    ),
)
"""The planted bugs of clusters on chains."""
