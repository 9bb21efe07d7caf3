"""The hooks about what moves between nodes: `migrate`, actors; `transfer`, objects.

`migrate(request, view, memory, ctx)` is asked while an actor finds no room, and returns `WAIT` (nobody moves) or
`MoveActor(actor, to)`. Whether the move makes room, and whether the target has room, is the proposal's business: it can
break both, and is checked for it. `transfer(queue, view, memory, ctx)` gets the objects that a node is to send, oldest
request first, and returns the one that goes next (in chunks: of which the next chunk leaves); it cannot break safety.
On today's Ray there is a second, urgent connection to each node: `Urgent(id)` sends an object of the queue over it,
beside what is on its way; while only that one is free, any other answer means that nothing leaves now. Memory as for
`place`.

Where they are asked: `actors.migration`, `objects.transfer`, `objects.object_manager`. Left out: actors of the cluster
scopes, which stay where they are (methods are on their way to an actor from anywhere, and no message of that model
recalls them).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from rayproof.model.graph import ObjectId
from rayproof.model.kernel import Context, Name, PolicyError
from rayproof.model.scheduler.policy.hooks import WAIT, policy_name
from rayproof.model.scheduler.policy.queue_hooks import call_hook


@dataclass(frozen=True, slots=True)
class RoomRequest:
    """An actor that finds no room; sizes are in the units of the hosts' capacities."""

    actor: str
    size: int


@dataclass(frozen=True, slots=True)
class ActorView:
    """An actor that has a place."""

    name: str
    size: int
    host: Name


@dataclass(frozen=True, slots=True)
class HostView:
    """A live host, with what is on its way there counted as there and what leaves it counted as still there."""

    name: Name
    capacity: int
    free: int


@dataclass(frozen=True, slots=True)
class RoomView:
    """What the coordinator knows."""

    hosts: tuple[HostView, ...]
    actors: tuple[ActorView, ...]

    def host(self, name: Name) -> HostView | None:
        """A live host by name."""
        return next((host for host in self.hosts if host.name == name), None)


@dataclass(frozen=True, slots=True)
class MoveActor:
    """Move an actor to a host."""

    actor: str
    to: Name


@dataclass(frozen=True, slots=True)
class WaitingObject:
    """An object that a node is to send."""

    id: ObjectId
    to: Name
    chunks: int
    sent: int
    """Chunks that have left."""
    priority: int
    """What the user says of the object; 0 unless said otherwise, higher is more urgent."""


@dataclass(frozen=True, slots=True)
class LinkView:
    """What a sender knows."""

    node: int
    """Its own number."""
    free: bool = True
    """Whether the ordinary connection is free: then one of the queue goes."""
    urgent: bool = False
    """Whether there is an urgent connection, and nothing on it."""


@dataclass(frozen=True, slots=True)
class Urgent:
    """Send an object of the queue over the urgent connection."""

    id: ObjectId


def has_migrate(policy: object) -> bool:
    """Whether a proposal decides which actors move to make room."""
    return callable(getattr(policy, "migrate", None))


def has_transfer(policy: object) -> bool:
    """Whether a proposal decides in which order objects are sent."""
    return callable(getattr(policy, "transfer", None))


def ask_migrate(
    policy: object, request: RoomRequest, view: RoomView, memory: Hashable, ctx: Context
) -> tuple[MoveActor | None, Hashable]:
    """The move, and the hook's new memory; raises `PolicyError`."""
    answer, after = call_hook(policy, "migrate", memory, (request, view), ctx)
    if answer is not WAIT and not isinstance(answer, MoveActor):
        raise PolicyError(
            "answer_type",
            f"policy {policy_name(policy)} answered migrate with a {type(answer).__name__}; expected WAIT or MoveActor",
        )
    if answer is not WAIT:
        moved = next((actor for actor in view.actors if actor.name == answer.actor), None)
        if moved is None or view.host(answer.to) is None or moved.host == answer.to:
            raise PolicyError(
                "legal_answer",
                f"policy {policy_name(policy)} moves {answer.actor} to {answer.to}: "
                "expected an actor that has a place, and another live host",
            )
    return answer, after


def ask_transfer(
    policy: object, queue: Sequence[WaitingObject], view: LinkView, memory: Hashable, ctx: Context
) -> tuple[int | None, bool, Hashable]:
    """Position of the object that goes next, if one does; whether it is urgent; the hook's new memory.

    Raises `PolicyError`.
    """
    answer, after = call_hook(policy, "transfer", memory, (tuple(queue), view), ctx)
    urgent = isinstance(answer, Urgent)
    if isinstance(answer, Urgent):
        if not view.urgent:
            name = policy_name(policy)
            raise PolicyError("legal_answer", f"policy {name} answered transfer with {answer!r}; no urgent one is free")
        answer = next((each for each in queue if each.id == answer.id), answer)
    elif answer is WAIT and not view.free:
        return None, False, after
    if answer not in queue:
        raise PolicyError(
            "legal_answer", f"policy {policy_name(policy)} answered transfer with {answer!r}; expected one of the queue"
        )
    return list(queue).index(answer) if urgent or view.free else None, urgent, after
