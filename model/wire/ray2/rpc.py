"""The fault switch, and Ray's retrying client, which is the partner of every request under it.

Source: Ray 2.60, `rpc/retryable_grpc_client.cc` and `rpc/rpc_chaos.cc` (`RAY_testing_rpc_failure`): a request that is
not sent, a reply that is lost after the request was handled, a request that is sent while its caller gets an error at
once. The client sends again after a back-off, until its peer is declared dead. A back-off is a delay that nothing
bounds: what is sent again takes a channel of its own, on which it may come before, between or after everything else. A
caller hears the replies to its latest call alone; so requests and replies bear its number.

Left out: calls that are not sent again. A task that is pushed to a worker counts as dead with it when that call fails,
which is what `overfills` of a cluster is for.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from rayproof.model.kernel import Context, FaultKind, Message, Name

AGAIN = "again"
"""Channel of requests that are sent again."""


@dataclass(frozen=True, slots=True)
class Faults:
    """The switch: how often each fault may strike; a scope asks for one of them, and without asking there is none.

    Raises `ValueError` for a negative budget, and for more than one kind.
    """

    lost_requests: int = 0
    """Requests that are not sent at first."""
    lost_replies: int = 0
    """Replies that are lost; what they answer was done."""
    in_flight: int = 0
    """Calls that fail at once for their caller, and are handled all the same."""
    duplicates: int = 0
    """Messages to raylets that the network delivers twice."""
    breaks: int = 0
    """Streams between living processes that break; what was on them is lost."""
    suspicions: int = 0
    """Nodes that are declared dead and are not."""

    def __post_init__(self) -> None:
        budgets = {each.name: getattr(self, each.name) for each in fields(self)}
        if any(budget < 0 for budget in budgets.values()):
            raise ValueError(f"the budget of a fault is negative: {budgets}")
        if sum(budget > 0 for budget in budgets.values()) > 1:
            raise ValueError(f"a scope has one kind of fault, not {', '.join(n for n, b in budgets.items() if b)}")

    @property
    def budgets(self) -> dict[FaultKind, int]:
        """What the kernel has to know: the kind that is asked for and its budget."""
        kinds = {
            FaultKind.LOSE: self.lost_requests,
            FaultKind.LOSE_REPLY: self.lost_replies,
            FaultKind.DUPLICATE: self.in_flight + self.duplicates,
            FaultKind.CUT: self.breaks,
            FaultKind.SUSPECT: self.suspicions,
        }
        return {kind: budget for kind, budget in kinds.items() if budget}


NO_FAULTS = Faults()


@dataclass(frozen=True, slots=True)
class Client:
    """A process's client: what it sends survives each fault of the switch by being sent again."""

    faults: Faults = NO_FAULTS

    @property
    def fails(self) -> bool:
        """Whether its calls may fail."""
        return bool(self.faults.lost_requests or self.faults.lost_replies or self.faults.in_flight)

    def request(self, ctx: Context, to: Name, message: Message, again: Message, channel: str = "") -> bool:
        """Send a request that has a reply. `again`: the same call, made once more; returns whether it was made."""
        if self.is_lost(ctx):
            ctx.send(to, again, AGAIN)
            return True
        ctx.send(to, message, channel)
        fails = bool(self.faults.in_flight) and ctx.may_fail(FaultKind.DUPLICATE)
        if fails:
            ctx.send(to, again, AGAIN)
        return fails

    def tell(self, ctx: Context, to: Name, message: Message, channel: str = "") -> None:
        """Send a request whose reply says nothing."""
        if not self.request(ctx, to, message, message, channel) and self.misses(ctx):
            ctx.send(to, message, AGAIN)

    def is_lost(self, ctx: Context) -> bool:
        """Whether a request is not sent at first."""
        return bool(self.faults.lost_requests) and ctx.may_fail(FaultKind.LOSE)

    def misses(self, ctx: Context) -> bool:
        """Whether a reply is lost: what it answers has to be asked again."""
        return bool(self.faults.lost_replies) and ctx.may_fail(FaultKind.LOSE_REPLY)
