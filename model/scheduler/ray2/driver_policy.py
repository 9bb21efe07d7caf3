"""A policy that decides in the driver, when a task is submitted: the form in which it runs on real Ray unchanged.

What a driver knows is what it has submitted and what has ended; the answer becomes a soft node affinity
(`NodeAffinitySchedulingStrategy(node, soft=True)`), which Ray obeys unless the node is dead or can never run the task.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from rayproof.model.graph import Default, NodeAffinity, NodeSpec, Program, TaskId, TaskSpec
from rayproof.model.kernel import Context, Name
from rayproof.model.scheduler.policy.hooks import ClusterView, NodeView, Policy, TaskView, ask
from rayproof.model.scheduler.ray import Argument
from rayproof.model.wire.ray2.leases import Located

TASK_US = 100_000
"""Estimate of a task's time where nothing is known of its function."""

BANDWIDTH = 1_000_000_000
"""Estimate of the bandwidth between two nodes, bytes per second."""


@dataclass(frozen=True, slots=True)
class DriverPolicy:
    """What is shown to a policy in the driver."""

    cluster: tuple[tuple[Name, NodeSpec], ...]
    program: Program
    estimates: Mapping[str, int]
    """Expected time of a function's tasks, in microseconds."""
    repeats: int = 1

    def affinity(self, raylet: Name) -> NodeAffinity:
        """The strategy that stands for an answer."""
        return NodeAffinity(raylet, soft=True)

    def ask(
        self,
        policy: Policy,
        spec: TaskSpec,
        args: Sequence[Located],
        chosen: Mapping[TaskId, Name],
        memory: Hashable,
        origin: Name,
        ctx: Context,
    ) -> tuple[Name | None, Hashable]:
        """The node for a task that is submitted, or WAIT, and the policy's new memory."""
        nodes = self.views(spec, chosen)
        options = [node for node in nodes if spec.demand.fits(node.total)]
        local: Counter[Name] = Counter()
        for argument in args:
            local.update(dict.fromkeys(argument.nodes, argument.size_bytes))
        view = ClusterView(
            options,
            nodes,
            origin,
            BANDWIDTH,
            sum(argument.size_bytes for argument in args),
            dict(local),
            sorted((node.queued_us, node.index) for node in nodes),
            sorted((node.utilization, node.index) for node in nodes),
            {node.name: node.index for node in nodes},
            tuple(Argument(argument.size_bytes, argument.nodes) for argument in args),
        )
        task = TaskView(spec.id, spec.name, spec.demand, spec.inputs, Default(), False, spec.hints)
        names = {option.name for option in options}
        return ask(policy, task, view, memory, ctx, legal=names.__contains__, repeats=self.repeats)

    def views(self, spec: TaskSpec, chosen: Mapping[TaskId, Name]) -> list[NodeView]:
        """Each node, less what the driver has placed there and not heard the end of."""
        held: dict[Name, Counter[str]] = {name: Counter() for name, _ in self.cluster}
        count: Counter[Name] = Counter()
        for task, raylet in chosen.items():
            held[raylet].update(dict(self.program.tasks[task].demand.units))
            count[raylet] += 1
        found = []
        for index, (name, node) in enumerate(self.cluster):
            available = {kind: max(0, amount - held[name][kind]) for kind, amount in node.total.units}
            cpus = node.total.fixed("CPU")
            used = min(1.0, held[name]["CPU"] / cpus) if cpus else 1.0
            at_once = max(1, cpus // spec.demand.fixed("CPU")) if spec.demand.fixed("CPU") else 1
            task_us = self.estimates.get(spec.name, TASK_US) // at_once
            gpu = node.total.fixed("GPU") > 0
            found.append(
                NodeView(
                    name, node.id, index, node.total, node.labels, available, count[name], task_us, used, True, gpu=gpu
                )
            )
        return found
