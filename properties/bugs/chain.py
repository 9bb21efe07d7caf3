"""Planted bugs of the chain."""

from __future__ import annotations

from dataclasses import dataclass

from model.gcs.chain import Replica, Written
from model.kernel import Context, Name
from properties.bugs.base import Bug


@dataclass(slots=True)
class AnswersEarly(Replica):
    """A replica answers the client before its successor has the update."""

    def apply(self, ctx: Context, value: int) -> None:
        Replica.apply(self, ctx, value)
        if self.successor(ctx) is not None:
            ctx.send(self.client, Written(value))


@dataclass(slots=True)
class NoResend(Replica):
    """A replica with a new successor does not send again what is not acknowledged."""

    def reconfigure(self, ctx: Context, chain: tuple[Name, ...]) -> None:
        sent, self.sent = self.sent, ()
        Replica.reconfigure(self, ctx, chain)
        self.sent = sent if self.successor(ctx) is not None else ()


@dataclass(slots=True)
class ForgetsToBecomeTail(Replica):
    """The new tail does not make stable what it holds."""

    def reconfigure(self, ctx: Context, chain: tuple[Name, ...]) -> None:
        if chain[-1] == ctx.me:
            self.chain, self.sent = chain, ()
        else:
            Replica.reconfigure(self, ctx, chain)


@dataclass(slots=True)
class NewestFirst(Replica):
    """The resend goes out in the wrong order."""

    def reconfigure(self, ctx: Context, chain: tuple[Name, ...]) -> None:
        self.sent = self.sent[::-1]
        Replica.reconfigure(self, ctx, chain)
        self.sent = self.sent[::-1]


CHAIN_BUGS = (
    Bug(
        "answers_early",
        "The client is answered before the tail has the update.",
        {Replica: AnswersEarly},
        "acknowledged_writes_survive",
        "chain-3-2-1",
    ),
    Bug(
        "no_resend",
        "Unacknowledged updates are not sent to a new successor.",
        {Replica: NoResend},
        "update_propagation",
        "chain-3-2-1",
    ),
    Bug(
        "forgets_to_become_tail",
        "A replica that becomes the tail leaves its updates unstable.",
        {Replica: ForgetsToBecomeTail},
        "every_write_is_answered",
        "chain-3-2-1",
    ),
    Bug(
        "newest_first",
        "Updates are sent again in the wrong order.",
        {Replica: NewestFirst},
        "update_propagation",
        "chain-3-2-1",
    ),
)
"""The planted bugs of the chain."""
