"""Resource sync of today's GCS: raylets report versioned snapshots, the GCS spreads what is new to the others.

Source: Ray 2.60 `src/ray/ray_syncer/ray_syncer.cc` and `node_state.cc::ConsumeSyncMessage` (a snapshot is taken only
when its version is higher). Versions count per raylet; broadcasts count per GCS process, so the counts of a restarted
one say nothing about those of its predecessor (#21638). After a restart each raylet reports again.

Messages are snapshots: a newer one replaces one that still waits.

Left out: commands; periods; which resources (one amount stands for them).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.kernel import Context, Down, Message, Name, Process, TimerKind, Unhandled, Unreachable, constant

State = tuple[int, int]
"""Version and amount that is available."""


@dataclass(frozen=True, slots=True)
class Report(Message):
    """A raylet's newest snapshot."""

    state: State


@dataclass(frozen=True, slots=True)
class Broadcast(Message):
    """The newest snapshot of every raylet that the GCS knows."""

    number: int
    states: tuple[tuple[Name, State], ...]


@dataclass(slots=True)
class SyncServer(Process):
    """The hub."""

    states: dict[Name, State] = field(default_factory=dict)
    """Newest snapshot by raylet; not in storage."""
    number: int = 0
    """Broadcasts so far."""
    raylets: tuple[Name, ...] = constant(())

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Take a newer snapshot and spread it."""
        match message:
            case Report(state):
                if sender not in self.states or state > self.states[sender]:
                    self.states[sender] = state
                    self.number += 1
                    for raylet in self.raylets:
                        ctx.send(raylet, Broadcast(self.number, tuple(sorted(self.states.items()))))
            case Unreachable():
                pass
            case _:
                raise Unhandled(message)


@dataclass(slots=True)
class SyncClient(Process):
    """A raylet's side: reports its own state, keeps a view of the others'."""

    amounts: tuple[int, ...]
    """What will be available, one after the other."""
    state: State = (0, 0)
    """Its own."""
    view: dict[Name, State] = field(default_factory=dict)
    """Newest snapshot of every raylet, as heard."""
    heard: tuple[Name, int] = ("", 0)
    """GCS process last heard, and the number of its last broadcast."""
    gcs: Name = constant("gcs")

    def start(self, ctx: Context) -> None:
        """What is available changes as the program goes on."""
        self.report(ctx)
        self.go_on(ctx)

    def go_on(self, ctx: Context) -> None:
        """Arm the next change while there is one."""
        if self.amounts:
            ctx.set_timer("change", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        """A change of what is available, or a new connection."""
        if timer == "change":
            amount, *rest = self.amounts
            self.amounts = tuple(rest)
            self.state = (self.state[0] + 1, amount)
            self.go_on(ctx)
        self.report(ctx)

    def report(self, ctx: Context) -> None:
        """Send the newest snapshot."""
        ctx.send(self.gcs, Report(self.state))

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Broadcasts, and word that the GCS has gone."""
        match message:
            case Broadcast(number, states):
                if self.is_new(sender, number):
                    self.heard = (sender, number)
                    for raylet, state in states:
                        self.keep(raylet, state)
            case Down() | Unreachable():
                ctx.set_timer("reconnect", kind=TimerKind.PROGRAM)
            case _:
                raise Unhandled(message)

    def is_new(self, publisher: Name, number: int) -> bool:
        """Numbers of one publisher can be compared, those of two cannot."""
        return publisher != self.heard[0] or number > self.heard[1]

    def keep(self, raylet: Name, state: State) -> None:
        """The higher version counts, whoever brought it."""
        if state > self.view.get(raylet, (-1, 0)):
            self.view[raylet] = state
