"""Membership of nodes in today's GCS: registration, health checks, death, return under a new id, restart of the GCS.

Source: Ray 2.60 `gcs_node_manager.cc::HandleRegisterNode` and `::HandleCheckAlive`, `gcs_health_check_manager.cc` (so
many failed checks in a row make a node dead), raylet `node_manager.cc::NodeRemoved` (a raylet that hears of its own
death exits). A node that is dead never returns under its id. A raylet that finds the GCS restarted asks whether it is
still a member (#33854: a channel that works proves nothing); without storage it is not.

Left out: what runs on a node that exits (see the cluster); draining.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.gcs.followers import NodeState
from rayproof.model.kernel import (
    Context,
    Down,
    Message,
    Name,
    Process,
    TimerKind,
    Unhandled,
    Unreachable,
    constant,
    durable,
)

NodeId = str

CHECK_US = 3_000_000
"""Between two health checks: Ray's `health_check_period_ms`. Untimed runs let them strike at any time."""

FAILURES = 2
"""Checks in a row that may stay unanswered; Ray's default is 5."""


@dataclass(frozen=True, slots=True)
class RegisterNode(Message):
    """A raylet offers its node."""

    node: NodeId


@dataclass(frozen=True, slots=True)
class HealthCheck(Message):
    """Are you there?"""

    node: NodeId


@dataclass(frozen=True, slots=True)
class Healthy(Message):
    """Yes."""

    node: NodeId


@dataclass(frozen=True, slots=True)
class CheckAlive(Message):
    """Am I a member?"""

    node: NodeId


@dataclass(frozen=True, slots=True)
class Membership(Message):
    """Whether a node is a member."""

    node: NodeId
    is_member: bool


@dataclass(slots=True)
class NodeManager(Process):
    """The node table of the GCS."""

    nodes: dict[NodeId, NodeState] = field(default_factory=dict)
    """In memory."""
    stored: dict[NodeId, NodeState] = durable(default_factory=dict)
    """In storage, written through."""
    unanswered: dict[NodeId, int] = field(default_factory=dict)
    """Checks sent to a live node since its last answer."""
    addresses: dict[NodeId, Name] = field(default_factory=dict)
    """Where the raylet of a node can be reached."""
    has_storage: bool = constant(True)
    """Fault-tolerant mode; in memory mode a restart begins with nothing."""

    def start(self, ctx: Context) -> None:
        """Load what is stored and check the health of all nodes from now on."""
        if self.has_storage:
            self.nodes = dict(self.stored)
        ctx.set_timer("health", CHECK_US, TimerKind.PERIODIC)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Registrations, answers to checks, questions of raylets."""
        match message:
            case RegisterNode(node):
                self.register(ctx, sender, node)
            case Healthy(node):
                self.unanswered[node] = 0
            case CheckAlive(node):
                is_member = self.nodes.get(node) is NodeState.ALIVE
                if is_member:
                    self.addresses[node] = sender
                ctx.send(sender, Membership(node, is_member))
            case Unreachable(_, HealthCheck(node)):
                self.declare_dead(ctx, node)
            case Unreachable():
                pass
            case _:
                raise Unhandled(message)

    def register(self, ctx: Context, raylet: Name, node: NodeId) -> None:
        """A new node is a member; a dead one stays dead."""
        if self.nodes.get(node) is not NodeState.DEAD:
            self.put(node, NodeState.ALIVE)
            self.addresses[node] = raylet
        ctx.send(raylet, Membership(node, self.nodes[node] is NodeState.ALIVE))

    def fire(self, ctx: Context, timer: str) -> None:
        """Check every live node whose address is known; too many unanswered checks make it dead."""
        for node in sorted(self.addresses):
            if self.nodes[node] is NodeState.DEAD:
                continue
            missed = self.unanswered.get(node, 0)
            if missed >= FAILURES:
                self.declare_dead(ctx, node)
            else:
                self.unanswered[node] = missed + 1
                ctx.send(self.addresses[node], HealthCheck(node))

    def declare_dead(self, ctx: Context, node: NodeId) -> None:
        """Death is final; the node itself is told, should it live."""
        if self.nodes.get(node) is NodeState.ALIVE:
            self.put(node, NodeState.DEAD)
            ctx.send(self.addresses[node], Membership(node, False))

    def put(self, node: NodeId, state: NodeState) -> None:
        """Write a row through to storage."""
        self.nodes[node] = state
        if self.has_storage:
            self.stored[node] = state


@dataclass(slots=True)
class NodeAgent(Process):
    """The raylet, as far as membership goes."""

    life: int = 0
    """How many ids it has given up."""
    is_member: bool = False
    """Whether the GCS has confirmed the present id."""
    gcs: Name = constant("gcs")

    def node(self, ctx: Context) -> NodeId:
        """Its present id, which nobody has had before."""
        return f"{ctx.me}/{self.life}"

    def start(self, ctx: Context) -> None:
        """Register."""
        ctx.send(self.gcs, RegisterNode(self.node(ctx)))

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Checks, word about its membership, and word that the GCS has gone."""
        match message:
            case HealthCheck(node):
                if node == self.node(ctx):
                    ctx.send(sender, Healthy(node))
            case Membership(node, is_member):
                if node == self.node(ctx):
                    self.told(ctx, is_member)
            case Down() | Unreachable():
                ctx.set_timer("reconnect", kind=TimerKind.PROGRAM)
            case _:
                raise Unhandled(message)

    def told(self, ctx: Context, is_member: bool) -> None:
        """Exit when the id is dead or unknown, and come back under a new one with nothing."""
        self.is_member = is_member
        if not is_member:
            self.life += 1
            self.start(ctx)

    def fire(self, ctx: Context, timer: str) -> None:
        """Reconnect: register, or ask whether the membership still holds."""
        if self.is_member:
            ctx.send(self.gcs, CheckAlive(self.node(ctx)))
        else:
            self.start(ctx)
