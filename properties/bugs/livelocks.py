"""Planted bugs that never stop: no audit sees them, because the system never comes to rest."""

from __future__ import annotations

from dataclasses import dataclass

from model.gcs.chain import Replica, Stable, Update
from model.kernel import Context, Message, Name
from properties.bugs.base import Bug


@dataclass(slots=True)
class SendsAgainWhatIsStable(Replica):
    """An acknowledgement of what is known to be stable is taken for a request to send it again."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        successor = self.successor(ctx)
        if isinstance(message, Stable) and successor is not None:
            ctx.send(successor, Update(message.value))
        if not isinstance(message, Stable) or message.value in self.sent:
            Replica.receive(self, ctx, sender, message)


LIVELOCKS = (
    Bug(
        "sends_again_what_is_stable",
        "An update goes up and down the chain for ever.",
        {Replica: SendsAgainWhatIsStable},
        "comes_to_rest",
        "chain-3-2-1",
    ),
)
"""The planted livelocks."""
