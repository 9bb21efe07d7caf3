"""A lease that expires, and a store that is safe all the same: it refuses what was written under an older lease.

Source: M. Kleppmann, "How to do distributed locking", 2016. A client may be slow between the grant and its write, so
its lease may have passed on meanwhile; the store compares tokens, which grow with every grant.

Left out: renewal, clocks (a lease may expire at any time), a service that fails.
"""

from dataclasses import dataclass, field
from itertools import pairwise

from rayproof import Bug, Context, Message, Process, Scenario, StateView, TimerKind, Unhandled, always, first, sometimes


@dataclass(frozen=True, slots=True)
class Acquire(Message):
    """Client to service."""


@dataclass(frozen=True, slots=True)
class UnderLease(Message):
    """Service to client: the lease is yours. Client to store: write this."""

    token: int


@dataclass(slots=True)
class Service(Process):
    """Grants the lease to one client after the other."""

    token: int = 0
    held: bool = False
    waiting: list[str] = field(default_factory=list)

    def receive(self, ctx: Context, sender: str, message: Message) -> None:
        self.waiting.append(sender)
        self.grant(ctx)

    def fire(self, ctx: Context, timer: str) -> None:
        """The lease expires, whatever its holder is doing."""
        self.held = False
        self.grant(ctx)

    def grant(self, ctx: Context) -> None:
        """Grant the lease when it is free and wanted."""
        if self.waiting and not self.held:
            self.held, self.token = True, self.token + 1
            ctx.send(self.waiting.pop(0), UnderLease(self.token))
            ctx.set_timer("lease", kind=TimerKind.PROGRAM)


@dataclass(slots=True)
class Client(Process):
    """Writes once, under its lease."""

    def start(self, ctx: Context) -> None:
        ctx.send("service", Acquire())

    def receive(self, ctx: Context, sender: str, message: Message) -> None:
        ctx.send("store", message)


@dataclass(slots=True)
class Store(Process):
    """Keeps the tokens of what it has accepted."""

    accepted: tuple[int, ...] = ()
    refused: int = 0

    def receive(self, ctx: Context, sender: str, message: Message) -> None:
        match message:
            case UnderLease(token) if self.accepts(token):
                self.accepted += (token,)
            case UnderLease():
                self.refused += 1
            case _:
                raise Unhandled(message)

    def accepts(self, token: int) -> bool:
        """Whether nothing was accepted under a later lease."""
        return not self.accepted or token >= self.accepted[-1]


@always(Store, source="Kleppmann 2016")
def writes_are_in_the_order_of_their_leases(view: StateView) -> str | None:
    """No write follows one that was made under a later lease."""
    for name, store in view.of(Store).items():
        for earlier, later in pairwise(store.accepted):
            if earlier > later:
                return f"{name} accepts token {later} after token {earlier}"
    return None


@sometimes(Store, source="the reason for tokens")
def a_write_comes_too_late(view: StateView) -> str | None:
    """A client writes after its lease has passed on."""
    return first(f"{name} refuses one" for name, store in view.of(Store).items() if store.refused)


class TrustingStore(Store):
    __slots__ = ()

    def accepts(self, token: int) -> bool:
        return True


PROCESSES = {"service": Service, "store": Store, "client0": Client, "client1": Client}
STATEMENTS = (writes_are_in_the_order_of_their_leases, a_write_comes_too_late)
LEASE = Scenario("lease", "examples", PROCESSES, STATEMENTS)
TRUSTS = Bug("trusts_the_writer", "Tokens are ignored.", {Store: TrustingStore}, STATEMENTS[0].name, "lease")
SIZES = {"lease": (55, 104, 8)}
