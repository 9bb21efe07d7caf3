"""Planted bugs of the control store that never come to rest: no audit sees them, only claims about runs do."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rayproof.model.gcs.chain import Replica
from rayproof.model.gcs.clients import ChainClient
from rayproof.model.gcs.master import ChainMaster
from rayproof.model.gcs.protocol import Resend
from rayproof.model.gcs.server import ActorRow, GcsServer, Load, Table
from rayproof.model.kernel import Context, Message, Name, Unreachable
from rayproof.properties.bugs.base import Bug


@dataclass(slots=True)
class AsksForTheRestForEver(Replica):
    """A replica that was sent all it lacks asks whether there is more."""

    def catch_up(self, ctx: Context, sender: Name, rest: Resend) -> None:
        Replica.catch_up(self, ctx, sender, rest)
        if sender == self.predecessor(ctx):
            self.ask_for_the_rest(ctx, sender)


@dataclass(slots=True)
class NeverLooksUp(ChainClient):
    """A client asks again and again, always the replica that it knows."""

    def look_up(self, ctx: Context) -> None:
        pass


@dataclass(slots=True)
class WaitsForALaterEpoch(Replica):
    """A replica that joins takes every answer for one of an old epoch, and asks again."""

    def catch_up(self, ctx: Context, sender: Name, rest: Resend) -> None:
        joins = ctx.me == self.configuration.joining
        Replica.catch_up(self, ctx, sender, replace(rest, epoch=0) if joins else rest)
        if joins:
            self.ask_for_the_rest(ctx, sender)


@dataclass(slots=True)
class WaitsForThePromiseOfTheDead(ChainMaster):
    """A promise counts only when it is made."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        if not isinstance(message, Unreachable):
            ChainMaster.receive(self, ctx, sender, message)


@dataclass(slots=True)
class LoadsUntilAllIsWhole(GcsServer):
    """A GCS that finds a specification without its row loads again, waiting for somebody to write the row."""

    def load(self, ctx: Context, rows: tuple[tuple[tuple[Table, str], ActorRow], ...]) -> None:
        stored = dict(rows)
        if any(table is Table.SPEC and (Table.ACTOR, key) not in stored for table, key in stored):
            ctx.send(self.storage, Load(ctx.me))
        else:
            GcsServer.load(self, ctx, rows)


_PAPER = "van Renesse and Schneider 2004"

GCS_LIVENESS_BUGS = (
    Bug(
        "asks_for_the_rest_for_ever",
        "The handshake with a new predecessor has no end; every request is answered beside it.",
        {Replica: AsksForTheRestForEver},
        "comes_to_rest",
        "chain-3-2-1",
        f"{_PAPER}, §3.2",
    ),
    Bug(
        "never_looks_up",
        "A client asks a dead replica for ever.",
        {ChainClient: NeverLooksUp},
        "writes_get_answers",
        "chain-stale",
        "CorfuDB #832",
    ),
    Bug(
        "waits_for_a_later_epoch",
        "A replica that came back asks for ever for what it has been sent, and never becomes a member.",
        {Replica: WaitsForALaterEpoch},
        "extensions_complete",
        "chain-restart",
        f"{_PAPER}, §3.3",
    ),
    Bug(
        "waits_for_the_promise_of_the_dead",
        "The next epoch never begins when a member that is to be fenced is dead.",
        {ChainMaster: WaitsForThePromiseOfTheDead},
        "writes_get_answers",
        "chain-sealed-crash",
        "CORFU, NSDI 2012, §3.3",
    ),
    Bug(
        "loads_until_all_is_whole",
        "After a restart between two rows the GCS loads again and again.",
        {GcsServer: LoadsUntilAllIsWhole},
        "a_gcs_serves_some_day",
        "gcs-restart-1-1-1",
        "Ray #66073",
    ),
)
"""The planted bugs of the control store that run for ever."""
