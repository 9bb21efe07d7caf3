"""Planted bugs of moves."""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.actors.hosts import Checkpoint, Host, Hosted, Kind, Order, RedirectedCaller
from rayproof.model.actors.migration import Coordinator, Move
from rayproof.model.kernel import Context, Name, Process
from rayproof.properties.bug import Bug


@dataclass(slots=True)
class GoesOnTakingCalls(Host):
    """The source does not stop intake before it hands its state over."""

    def stop(self, ctx: Context, order: Order, actor: Hosted) -> None:
        self.checkpointed(ctx, order)


@dataclass(slots=True)
class DoesNotDrain(Host):
    """The state is taken while a method runs."""

    def stop(self, ctx: Context, order: Order, actor: Hosted) -> None:
        Host.stop(self, ctx, order, actor)
        if self.stopping.pop(order.actor, None) is not None:
            self.checkpointed(ctx, order)


@dataclass(slots=True)
class MovesWithoutState(Coordinator):
    """The actor is moved by constructing it anew."""

    def obeyed(self, ctx: Context, kind: Kind, actor: str, checkpoint: Checkpoint) -> None:
        Coordinator.obeyed(self, ctx, kind, actor, ())


@dataclass(slots=True)
class CountsNoReservation(Coordinator):
    """Room is taken for free as soon as the move is decided."""

    def free(self, host: Name) -> int:
        leaving = self.move is not None and self.move.source == host
        return Coordinator.free(self, host) + (dict(self.sizes)[self.move.actor] if leaving and self.move else 0)


@dataclass(slots=True)
class NeverResumes(Coordinator):
    """When the target dies, the source is left stopped."""

    def host_died(self, ctx: Context, host: Name) -> None:
        move = self.move
        Coordinator.host_died(self, ctx, host)
        if move is not None and host == move.target:
            self.orders.pop((move.source, move.actor), None)


@dataclass(slots=True)
class ForgetsItsOrders(Coordinator):
    """A coordinator that comes back does not repeat its orders."""

    def repeat_orders(self, ctx: Context) -> None:
        pass


@dataclass(slots=True)
class LeavesACopyBehind(Coordinator):
    """The stopped copy at the source is never removed."""

    def clean_up(self, ctx: Context, move: Move) -> None:
        pass


@dataclass(slots=True)
class IgnoresRedirects(RedirectedCaller):
    """A caller goes on where it has always called."""

    def redirected(self, ctx: Context, node: Name) -> None:
        pass


@dataclass(slots=True)
class NeverMoves(Coordinator):
    """As in real Ray: no actor moves, the new one waits for ever."""

    def plan(self, size: int) -> None:
        return None


def _bug(
    name: str,
    sentence: str,
    replaces: dict[type[Process], type[Process]],
    statement: str,
    scenario: str = "migration",
    also: tuple[str, ...] = (),
) -> Bug:
    return Bug(name, sentence, replaces, statement, scenario, also=also)


@dataclass(slots=True)
class ChecksTheRemoval(Coordinator):
    """A removal that has been confirmed is ordered once more, to be sure."""

    def obeyed(self, ctx: Context, kind: Kind, actor: str, checkpoint: Checkpoint) -> None:
        if kind is not Kind.REMOVE:
            Coordinator.obeyed(self, ctx, kind, actor, checkpoint)
            return
        for host in self.live_hosts():
            if host != self.places[actor]:
                order = self.orders[host, actor] = Order(kind, actor, dict(self.sizes)[actor], self.epoch)
                ctx.send(host, order)


MIGRATION_BUGS = (
    _bug(
        "goes_on_taking_calls",
        "Intake is not stopped before the state is handed over.",
        {Host: GoesOnTakingCalls},
        "single_incarnation",
        also=("no_acknowledged_call_is_lost",),
    ),
    _bug(
        "does_not_drain",
        "The state is taken while a method runs.",
        {Host: DoesNotDrain},
        "no_acknowledged_call_is_lost",
    ),
    _bug(
        "moves_without_state",
        "The actor is constructed anew at its new place.",
        {Coordinator: MovesWithoutState},
        "no_acknowledged_call_is_lost",
    ),
    _bug(
        "counts_no_reservation",
        "The room of an actor that is still to leave is given away.",
        {Coordinator: CountsNoReservation},
        "hosts_are_not_overfull",
    ),
    _bug(
        "never_resumes",
        "When the target of a move dies, the actor stays stopped.",
        {Coordinator: NeverResumes},
        "every_call_ends_in_value_or_error",
        "migration-target-dies",
    ),
    _bug(
        "forgets_its_orders",
        "A coordinator that comes back does not repeat its orders.",
        {Coordinator: ForgetsItsOrders},
        "nothing_stays_frozen",
        "migration-coordinator-dies",
        also=("every_call_ends_in_value_or_error", "the_new_actor_has_its_place"),
    ),
    _bug(
        "leaves_a_copy_behind",
        "The stopped copy at the source is never removed.",
        {Coordinator: LeavesACopyBehind},
        "hosts_are_not_overfull",
        also=("nothing_stays_frozen",),
    ),
    _bug(
        "ignores_redirects",
        "A caller does not follow the actor.",
        {RedirectedCaller: IgnoresRedirects},
        "every_call_ends_in_value_or_error",
    ),
    _bug(
        "never_moves",
        "No actor is moved, as in real Ray.",
        {Coordinator: NeverMoves},
        "the_new_actor_has_its_place",
    ),
    Bug(
        "checks_the_removal",
        "The old copy of a moved actor is removed again and again, and its room never counts as free.",
        {Coordinator: ChecksTheRemoval},
        "the_new_actor_has_its_place_some_day",
        "migration",
        "bug benchmark L4",
        ("comes_to_rest",),
        spins=True,
    ),
)
"""The planted bugs of moves."""
