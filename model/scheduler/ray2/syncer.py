"""The hub of the resource views: what a raylet says of its node comes to the others through it.

Source: Ray 2.60, `ray_syncer.cc`: a star with the GCS in the middle. Messages are versioned snapshots, and a newer one
makes those before it worthless. In explored scopes the hub is atomic with the raylet that speaks; in timed runs it
gathers what comes within a moment, as a stream does.

A stream that breaks is opened again, and then all that is known goes over it.

Left out: the versions.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.kernel import Context, Message, Name, Process, TimerKind, Unhandled, Unreachable, constant
from rayproof.model.wire.ray2.leases import SYNC, View, Views

GATHER, RECONNECT = "gather", "reconnect:"
"""Timers: what has come is passed on; the stream to a raylet (named after it) is there again."""

RECONNECT_US = 1_000_000
"""Until a broken stream is opened again."""


@dataclass(slots=True, kw_only=True)
class SyncHub(Process):
    """The syncer in the control plane."""

    raylets: tuple[Name, ...] = constant()
    gather_us: int = constant(0)
    """For how long views are gathered before they are passed on; 0: each at once."""
    views: dict[Name, View] = field(default_factory=dict)
    fresh: set[Name] = field(default_factory=set)
    """Whose views have not been passed on."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """A raylet's own view."""
        match message:
            case View():
                self.views[sender] = message
                if self.gather_us:
                    self.fresh.add(sender)
                    ctx.set_timer(GATHER, self.gather_us, TimerKind.PROGRAM)
                else:
                    self.pass_on(ctx, sender)
            case Unreachable(raylet, Views()):
                ctx.set_timer(RECONNECT + raylet, RECONNECT_US, TimerKind.PROGRAM)
            case _:
                raise Unhandled(message)

    def fire(self, ctx: Context, timer: str) -> None:
        """Pass on what has been gathered, or everything on a new stream."""
        if timer.startswith(RECONNECT):
            raylet = timer.removeprefix(RECONNECT)
            ctx.send(raylet, Views(tuple(sorted(self.views.items()))), "stream" if self.gather_us else SYNC)
            return
        fresh, self.fresh = tuple(sorted(self.fresh)), set()
        told = Views(tuple((name, self.views[name]) for name in fresh))
        for raylet in self.raylets:
            ctx.send(raylet, told, "stream")

    def pass_on(self, ctx: Context, sender: Name) -> None:
        """Tell everybody else all that is known."""
        told = Views(tuple(sorted(self.views.items())))
        for raylet in self.raylets:
            if raylet != sender:
                ctx.send(raylet, told, SYNC)
