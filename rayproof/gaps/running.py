"""Heuristics that are policies of the model: the instance is run there, and the run is the schedule.

Nothing but the policy and the links costs time: no start-up, no latency, no decision time; the local scheduler keeps
nothing (threshold 0), so that the policy decides on every task.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rayproof.gaps.owner import Owner
from rayproof.gaps.programs import Runnable, runnable
from rayproof.model.cluster.paper import ClusterParameters, assemble, raylet_of
from rayproof.model.graph import TaskId
from rayproof.model.kernel import Name, PolicyError, Process, Simulation, Timing
from rayproof.model.scheduler.paper.events import Moved, Queued, Started
from rayproof.model.scheduler.paper.worker import Driver
from rayproof.model.scheduler.policy.hooks import Policy, policy_name
from rayproof.policies import require_settled
from rayproof.solver.gap import RunHeuristic
from rayproof.solver.instances import Instance
from rayproof.solver.schedules import Schedule, Slot

MOST_WORKERS = 256
"""Workers per node; more tasks than that on one node at once take turns."""


@dataclass(frozen=True)
class Run:
    """A run of an instance in the model."""

    schedule: Schedule
    bytes_moved: int
    """Sizes, as the instance has them, of all copies made between nodes."""
    makespan_us: int


@dataclass
class _Log:
    """What the run needs of the model's events."""

    started: dict[TaskId, tuple[int, Name]] = field(default_factory=dict)
    moved: list[str] = field(default_factory=list)
    queued: dict[TaskId, Name] = field(default_factory=dict)

    def observe(self, now: int, event: Any) -> None:
        match event:
            case Queued(task, node):
                self.queued[task] = node
            case Started(task):
                self.started[task] = now, self.queued[task]
            case Moved(object_id):
                self.moved.append(object_id)
            case _:
                pass


def run_instance(instance: Instance, policy: Policy, seed: int = 0) -> Run:
    """Run an instance in the model. Raises `PolicyError` when the policy breaks a rule or lets tasks wait for ever."""
    return run_ready(instance, runnable(instance), policy, seed, driver=Owner)


def run_ready(instance: Instance, ready: Runnable, policy: Policy, seed: int, driver: type[Process]) -> Run:
    """Run what was made of an instance, with this driver. Raises `PolicyError` as `run_instance` does."""
    parameters = ClusterParameters(
        policy=policy,
        threshold=0,
        workers=max(1, min(MOST_WORKERS, len(instance.tasks))),
        task_us=ready.task_us,
        timing=Timing(latency_us=0, local_latency_us=0, bandwidth_bytes_per_s=ready.cluster.bandwidth_bytes_per_s),
    )
    scenario = assemble("gap", ready.program, ready.cluster, parameters, swap={Driver: driver})
    log = _Log()
    Simulation(scenario, seed, on_event=log.observe).run()
    require_settled(policy)
    waiting = [task.id for task in instance.tasks if task.id not in log.started]
    if waiting:
        raise PolicyError("progress", f"policy {policy_name(policy)} lets {', '.join(waiting[:5])} wait for ever")
    nodes = {raylet_of(at): node.id for at, node in enumerate(instance.nodes)}
    schedule = Schedule(
        {task.id: Slot(nodes[log.started[task.id][1]], log.started[task.id][0]) for task in instance.tasks}
    )
    sizes = {item.id: item.size_bytes for item in instance.objects}
    return Run(schedule, sum(sizes.get(object_id, 0) for object_id in log.moved), schedule.makespan(instance))


def heuristic(policy: Policy, seed: int = 0) -> RunHeuristic:
    """A policy as the solver's heuristic."""
    return lambda instance: run_instance(instance, policy, seed).schedule
