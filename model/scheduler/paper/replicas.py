"""Several global schedulers that share the GCS: each serves some nodes, all place on all nodes.

Source: OSDI 2018, section 4.2.2: when the global scheduler becomes a bottleneck, more replicas are started, which share
information through the GCS. How is not published; here the store tells the other replicas of each assignment, and a
node's heartbeat says how many assignments it has had from each replica, so that what another one has assigned since
counts as load until then. A task is placed by one replica alone, and what is lost is placed again by the first one.

Left out: replicas that die or are started later; nodes that change their replica.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from rayproof.model.gcs.paper.chained import ChainedStore
from rayproof.model.gcs.paper.control_store import ControlStore
from rayproof.model.gcs.paper.protocol import NodeDead, TaskAssigned
from rayproof.model.graph import TaskId
from rayproof.model.kernel import Context, Message, Name, constant
from rayproof.model.scheduler.paper.global_scheduler import GlobalScheduler
from rayproof.model.scheduler.paper.protocol import AssignTask, Heartbeat
from rayproof.model.scheduler.paper.raylet import HEARTBEAT, Raylet
from rayproof.model.scheduler.policy.hooks import NodeView
from rayproof.model.scheduler.ray import critical_utilization


@dataclass(frozen=True, slots=True)
class AssignedElsewhere(Message):
    """Store to replica: another replica's so-manieth assignment to a node."""

    by: Name
    task: TaskId
    node: Name
    number: int


@dataclass(frozen=True, slots=True)
class SharedHeartbeat(Message):
    """Raylet to replica: its report, and how many assignments it has had from each replica."""

    beat: Heartbeat
    received: tuple[tuple[Name, int], ...]


Assigned = dict[Name, dict[Name, int]]
"""Replica -> node -> assignments."""


@dataclass(slots=True)
class SharingStore(ControlStore):
    """The GCS of a cluster with several global schedulers."""

    schedulers: tuple[Name, ...] = constant(())
    assigned: Assigned = field(default_factory=dict)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """The protocol of the store; the other replicas hear of each assignment."""
        ControlStore.receive(self, ctx, sender, message)
        share(self, ctx, sender, message)

    def node_died(self, ctx: Context, node: Name) -> None:
        """Every replica is told."""
        known = node in self.dead
        ControlStore.node_died(self, ctx, node)
        for other in self.schedulers[1:] if not known else ():
            self.tell(ctx, other, NodeDead(node))


@dataclass(slots=True)
class SharingChainedStore(ChainedStore):
    """The same with its rows on chains. The counts are the front end's own, as subscriptions are."""

    schedulers: tuple[Name, ...] = constant(())
    assigned: Assigned = field(default_factory=dict)

    def apply(self, ctx: Context, sender: Name, request: Message) -> None:
        """What `SharingStore` does, on the rows that are loaded."""
        ChainedStore.apply(self, ctx, sender, request)
        share(self, ctx, sender, request)

    def node_died(self, ctx: Context, node: Name) -> None:
        """Every replica is told."""
        known = node in self.dead
        ControlStore.node_died(self, ctx, node)
        for other in self.schedulers[1:] if not known else ():
            self.tell(ctx, other, NodeDead(node))


def share(store: SharingStore | SharingChainedStore, ctx: Context, sender: Name, message: Message) -> None:
    """Tell the other replicas of an assignment, and of which this is by number."""
    if isinstance(message, TaskAssigned):
        counts = store.assigned.setdefault(sender, {})
        counts[message.node] = counts.get(message.node, 0) + 1
        for other in store.schedulers:
            if other != sender:
                store.tell(ctx, other, AssignedElsewhere(sender, message.task, message.node, counts[message.node]))


@dataclass(slots=True)
class SharingRaylet(Raylet):
    """A node that reports to every replica."""

    schedulers: tuple[Name, ...] = constant(())
    received_from: dict[Name, int] = field(default_factory=dict)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """The protocol of a node; assignments are counted by their sender."""
        if isinstance(message, AssignTask):
            self.received_from[sender] = self.received_from.get(sender, 0) + 1
        Raylet.receive(self, ctx, sender, message)

    def send_report(self, ctx: Context, beat: Heartbeat) -> None:
        """To each replica, with its own count in the report."""
        counts = tuple(sorted(self.received_from.items()))
        for scheduler in self.schedulers:
            own = replace(beat, received=self.received_from.get(scheduler, 0))
            ctx.send(scheduler, SharedHeartbeat(own, counts), HEARTBEAT)


@dataclass(slots=True)
class SharingScheduler(GlobalScheduler):
    """One of several global schedulers."""

    others: dict[Name, dict[Name, dict[int, TaskId]]] = field(default_factory=dict)
    """Node -> replica -> its assignments there that no report covers, by number."""
    covered: dict[Name, dict[Name, int]] = field(default_factory=dict)
    """Node -> replica -> assignments that a report has covered."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """The protocol of the global scheduler; what others assign is load, too."""
        match message:
            case AssignedElsewhere(by, task, node, number):
                if node not in self.dead and number > self.covered.get(node, {}).get(by, 0):
                    self.others.setdefault(node, {}).setdefault(by, {})[number] = task
                    self.refresh(node)
            case SharedHeartbeat(beat, received):
                if sender not in self.dead:
                    before = self.view(sender)
                    self.cover(sender, dict(received))
                    self.refresh(sender)
                    changed = self.view(sender) != before
                    self.heard(ctx, sender, beat)
                    if changed:
                        self.reconsider(ctx)
            case _:
                GlobalScheduler.receive(self, ctx, sender, message)

    def cover(self, node: Name, received: dict[Name, int]) -> None:
        """A report says itself what the node had received when it was sent."""
        self.covered[node] = received
        left = {
            by: {number: task for number, task in tasks.items() if number > received.get(by, 0)}
            for by, tasks in self.others.get(node, {}).items()
        }
        self.others[node] = {by: tasks for by, tasks in left.items() if tasks}

    def assigned_elsewhere(self, node: Name) -> list[TaskId]:
        """What other replicas have assigned to a node since its report."""
        return [task for _, tasks in sorted(self.others.get(node, {}).items()) for _, task in sorted(tasks.items())]

    def made_view(self, number: int) -> NodeView:
        """The last report, less what any replica has assigned since."""
        view = GlobalScheduler.made_view(self, number)
        tasks = self.assigned_elsewhere(view.name) if view.alive else []
        if not tasks:
            return view
        available = dict(view.available)
        for task in tasks:
            for name, amount in self.program.tasks[task].demand.units:
                available[name] = max(0, available[name] - amount)
        load = critical_utilization(view.total, available)
        return replace(view, available=available, queue_length=view.queue_length + len(tasks), utilization=load)
