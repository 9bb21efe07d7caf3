"""What a policy is shown when a raylet asks it where a request goes.

The view is that raylet's own, and may be stale: totals and free resources as the others told them last, less what was
redirected there since; the dead stay in it. Ray tells no queue lengths: where a policy is asked, a node also tells how
many requests it keeps. An estimate of a task's time is that of its function, spread over the tasks that the node can
run at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rayproof.model.graph import Default, NodeId, Program, Resources
from rayproof.model.graph.labels import Labels, allowed_by
from rayproof.model.kernel import Context, Name
from rayproof.model.scheduler.policy.hooks import ClusterView, NodeView, Policy, TaskView, ask
from rayproof.model.scheduler.policy.queue_hooks import has_order, has_preempt
from rayproof.model.scheduler.ray import Argument, NodeResources, critical_utilization
from rayproof.model.scheduler.ray2.driver_policy import BANDWIDTH, TASK_US
from rayproof.model.wire.ray2.leases import LeaseSpec, View


class Viewer(Protocol):
    """A raylet, as far as it shows what it knows."""

    @property
    def seats(self) -> Mapping[Name, Seat]:
        """What is known of each node from the start."""
        ...

    @property
    def said(self) -> Mapping[Name, View]:
        """What the others said last."""
        ...

    def nodes(self, me: Name) -> Sequence[NodeResources]:
        """Every node as it knows it, the dead included."""
        ...

    def own_view(self, me: Name) -> View:
        """What it says of its own node."""
        ...


@dataclass(frozen=True, slots=True)
class Seat:
    """What is known of a node from the start."""

    id: NodeId
    index: int
    """Position in the cluster."""
    total: Resources
    labels: tuple[tuple[str, str], ...] = ()
    store_bytes: int | None = None
    """Capacity of its object store; None: no bound."""


def can_ever_run(spec: LeaseSpec, total: Resources, labels: Labels) -> bool:
    """Whether a node has the amounts and the labels that a request asks for, or one of its fallbacks."""
    return spec.demand.fits(total) and allowed_by(spec.selectors, labels)


@dataclass(frozen=True, slots=True)
class Asked:
    """A policy that decides in raylets, and what it is told beside their views."""

    policy: Policy
    program: Program
    estimates: Mapping[str, int]
    """Expected time of a function's tasks, in microseconds."""
    bandwidth_bytes_per_s: int = BANDWIDTH
    repeats: int = 1
    """How often the same question is asked to find hidden randomness."""

    @property
    def shows_what_runs(self) -> bool:
        """Whether the policy chooses among the tasks of a node, too."""
        return has_order(self.policy) or has_preempt(self.policy)

    def place(self, spec: LeaseSpec, raylet: Viewer, memory: Hashable, ctx: Context) -> tuple[Name | None, Hashable]:
        """The policy's answer, or WAIT, and its new memory; raises `PolicyError`."""
        nodes = self.views(spec, raylet, ctx.me)
        options = [node for node in nodes if node.usable and can_ever_run(spec, node.total, node.labels)]
        names = {option.name for option in options}
        local: Counter[Name] = Counter()
        for argument in spec.args:
            local.update(dict.fromkeys(argument.nodes, argument.size_bytes))
        usable = [node for node in nodes if node.usable]
        view = ClusterView(
            options,
            nodes,
            ctx.me,
            self.bandwidth_bytes_per_s,
            sum(argument.size_bytes for argument in spec.args),
            dict(local),
            sorted((node.queued_us, node.index) for node in usable),
            sorted((node.utilization, node.index) for node in usable),
            {node.name: node.index for node in nodes},
            tuple(Argument(argument.size_bytes, argument.nodes) for argument in spec.args),
        )
        task = self.program.tasks[spec.task]
        strategy = spec.strategy if not isinstance(spec.strategy, Default) else Default()
        question = TaskView(
            task.id, task.name, task.demand, task.inputs, strategy, spec.again, task.hints, spec.actor, spec.selectors
        )
        return ask(self.policy, question, view, memory, ctx, legal=names.__contains__, repeats=self.repeats)

    def views(self, spec: LeaseSpec, raylet: Viewer, me: Name) -> list[NodeView]:
        """Every node as that raylet knows it, in the cluster's order."""
        function = self.program.tasks[spec.task].name
        estimate = self.estimates.get(function, TASK_US)
        found = []
        for node in raylet.nodes(me):
            seat = raylet.seats[node.name]
            said = raylet.own_view(me) if node.name == me else raylet.said[node.name]
            cpus, asked = node.total.fixed("CPU"), spec.demand.fixed("CPU")
            at_once = max(1, cpus // asked) if asked else 1
            found.append(
                NodeView(
                    node.name,
                    seat.id,
                    seat.index,
                    node.total,
                    seat.labels,
                    node.free,
                    said.queued,
                    estimate // at_once,
                    critical_utilization(node.total, node.free),
                    node.alive,
                    draining=node.draining,
                    gpu=node.total.fixed("GPU") > 0,
                )
            )
        return sorted(found, key=lambda node: node.index)
