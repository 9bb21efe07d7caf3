"""A recorded workload run again on today's Ray: the same processes that are explored, on a clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from statistics import median
from types import MappingProxyType
from typing import Any

from rayproof.check.measures import Measures, Times
from rayproof.check.simulation import (
    MOST_WORKERS,
    Decides,
    Settings,
    Workload,
    detection_us,
    happenings_of,
    most_events,
    workers_for,
)
from rayproof.model.cluster.ray2 import Durations, TodayParameters, assemble
from rayproof.model.graph import (
    Action,
    Compute,
    Default,
    GroupId,
    NodeId,
    Program,
    Spread,
    Submit,
    TaskId,
    TaskKind,
    contract,
)
from rayproof.model.kernel import Name, Simulation, SimulationResult, Timing
from rayproof.model.scheduler.paper import events
from rayproof.model.scheduler.policy import built_in
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.scheduler.policy.queue_hooks import has_order, has_preempt
from rayproof.model.wire.ray2.leases import ArgumentsHere, Decided, Deferred, LeaseGiven, LeaseId, LeaseKept, Preempted
from rayproof.model.wire.ray2.objects import Moved
from rayproof.model.workers.ray2.body import INLINE_BYTES
from rayproof.model.workers.ray2.events import BodyGoesOn, BodyWaits, TaskPushed
from rayproof.model.workers.ray2.mentions import owns_below_the_driver
from rayproof.recordings import Recording

LATENCY_US, LOCAL_LATENCY_US = 300, 100
"""One way for a control message, between two nodes and within one."""

JITTER_US = 100
"""A message may take so much longer."""

OBJECT_US = 8000
"""An object manager is busy so long with each object that it sends or takes, whatever its size."""

DECISION_US, LOOK_UP_US = 300, 1_200
"""A driver that chooses a node takes so long for it, and so much longer where it looks up where large arguments are."""

MOST_US = 24 * 3_600 * 1_000_000
"""A run that has not ended after a day never will."""

TIMES = Durations(
    sync_us=100_000,
    gather_us=100,
    lease_us=500_000,
    start_us=2_000_000,
    first_us=15_000,
    later_us=5_000,
    kills_idle=True,
)
"""Ray's own constants, and what was measured on clean runs: a new process, its first body, each later one."""


@dataclass
class TodayMeasures(Measures):
    """Folds the events of today's Ray into the same figures."""

    kept: dict[TaskId, int] = field(default_factory=dict)
    """Heads of requests that wait on a node for their arguments -> since when."""
    queues: dict[Name, dict[LeaseId, int]] = field(default_factory=dict)
    """Requests that are kept on a node and have no room yet -> since when."""
    most: int = 0
    preempted: list[int] = field(default_factory=list)
    """Of each body that was ended to make room, the time for which it had run."""
    fetched: dict[TaskId, int] = field(default_factory=dict)
    """Time for which a task's request waited for arguments."""

    def observe(self, now: int, event: Any) -> None:
        """Fold one event, in the words of the measures."""
        match event:
            case contract.TaskSubmitted(task):
                super().observe(now, events.Submitted(task, ""))
            case Decided(_, task, by, chosen):
                super().observe(now, events.Granted(task, chosen, by))
            case Deferred(task):
                super().observe(now, events.Deferred(task))
            case LeaseKept(lease, task, node):
                self.kept[task] = now
                self.queues.setdefault(node, {})[lease] = now
            case LeaseGiven(lease, node):
                queue = self.queues.get(node, {})
                # What finds room at once was in the queue for no time.
                self.most = max(self.most, sum(since < now for since in queue.values()))
                queue.pop(lease, None)
            case ArgumentsHere(_, task):
                if task in self.kept:
                    self.fetched[task] = self.fetched.get(task, 0) + now - self.kept.pop(task)
            case Preempted(task):
                began = self.times[task].began if task in self.times else None
                self.preempted.append(0 if began is None else now - began)
            case TaskPushed(task, node):
                super().observe(now, events.Queued(task, node))
                super().observe(now, events.InputsLocal(task, node))
                super().observe(now, events.Started(task, node))
            case contract.Began(task):
                super().observe(now, events.BodyBegan(task))
            case BodyWaits(task):
                super().observe(now, events.BodyWaits(task))
            case BodyGoesOn(task):
                super().observe(now, events.BodyGoesOn(task))
            case contract.Made(made, value):
                super().observe(now, events.Sealed(made, value))
            case contract.Ended(task):
                super().observe(now, events.BodyEnded(task))
            case contract.Failed(task):
                super().observe(now, events.Rejected(task))
            case Moved(made, node, size):
                super().observe(now, events.Moved(made, node, size))
            case contract.DriverEnded():
                super().observe(now, events.DriverDone())
            case _:
                pass

    def most_waiting(self) -> int:
        """The most requests that waited for room on one node at one time."""
        return self.most

    def _spent(self, task: TaskId, times: Times) -> dict[str, int]:
        """The time of one task; a decision takes none of its own, and control messages two round trips at most."""
        assert times.submitted is not None and times.started is not None
        assert times.began is not None and times.ended is not None
        before = times.started - times.submitted
        moving = min(self.fetched.get(task, 0), before)
        control = min(4 * LATENCY_US, before - moving)
        return {
            "scheduling_decisions": 0,
            "control_messages": control,
            "transfer": moving,
            "queueing": before - moving - control,
            "startup": times.began - times.started,
            "blocked_in_get": times.waited,
            "execution": times.ended - times.began - times.waited,
        }


def run_today(
    workload: Workload,
    policy: Policy,
    settings: Settings,
    seed: int,
    measures: Measures,
    on_progress: Callable[[int], None] | None,
) -> tuple[SimulationResult, bool]:
    """One timed run: how it ended, and that something was drawn: start-ups are. Raises `PolicyError`."""
    recording = workload.recording
    own = workload.cluster is recording.cluster
    program, cluster = (recording.program if own else workload.unlowered), workload.cluster
    number = {node.id: i for i, node in enumerate(cluster.nodes)}
    program, asked = with_policy(program, policy)
    in_driver = settings.decides is Decides.DRIVER and not decides_in_raylets(policy)
    if asked is not None and in_driver:
        program = deciding(program)
    parameters = TodayParameters(
        policy=asked,
        in_driver=in_driver,
        workers=most_workers(workload),
        first_us=first_loads(workload, seed),
        at_once=recording.setup,
        joining=tuple(number[node] for node in recording.late) if own else (),
        reserved=reserved(recording, number),
        estimates=estimates(program),
        settings=recording.placement,
        times=replace(
            TIMES,
            actor_us=actor_start(workload),
            kills_idle=not owns_below_the_driver(program),
        ),
        timing=Timing(
            latency_us=LATENCY_US,
            local_latency_us=LOCAL_LATENCY_US,
            jitter_us=JITTER_US,
            bandwidth_bytes_per_s=settings.bandwidth_bytes_per_s,
            detection_us=detection_us(recording),
            handler_us={"ObjectManager": OBJECT_US},
        ),
    )
    simulation = Simulation(
        assemble("check", program, cluster, parameters),
        seed,
        on_event=measures.observe,
        happenings=tuple(happenings_of(recording, number)) if own else (),
        on_progress=None if on_progress is None else (lambda events, now: on_progress(events)),
    )
    return simulation.run(until_us=MOST_US, max_events=most_events(workload, settings)), True


def decides_in_raylets(policy: Policy) -> bool:
    """Whether a policy has hooks that no driver can stand in for: what is next on a node, and what makes room there."""
    return has_order(policy) or has_preempt(policy)


def first_loads(workload: Workload, seed: int) -> Callable[[int, int], int]:
    """How long each worker process takes before its first body: drawn anew for each run from those that were recorded.

    As many processes as CPUs are there from the start, and those are what a recording tells of first; one that starts
    later is ready for its body when it is there. Which process was slow is luck, and not a property of its node.
    """
    nodes = workload.cluster.nodes
    cpus = {node.id: node.total.fixed("CPU") // 10_000 for node in nodes}
    recorded = workload.recording.startup.first_loads
    before = {node.id: node.total.fixed("CPU") // 10_000 for node in workload.recording.cluster.nodes}
    pool = sorted(load for node, loads in recorded for load in loads[: before[node]])
    random = Random(seed)
    drawn = {
        (number, position): random.choice(pool) if pool else TIMES.first_us
        for number, node in enumerate(nodes)
        for position in range(cpus[node.id])
    }
    return lambda node, position: drawn.get((node, position), TIMES.first_us)


def reserved(recording: Recording, number: Mapping[NodeId, int]) -> Mapping[GroupId, tuple[int | None, ...]]:
    """The node of each bundle of each group in the recording."""
    return MappingProxyType(
        {
            group.id: tuple(None if node is None else number.get(node) for node in group.nodes)
            for group in recording.groups
        }
    )


def actor_start(workload: Workload) -> int:
    """Until a process for an actor is there: as recorded, else that of any process."""
    return workload.recording.startup.actor_start_us or TIMES.start_us


def with_policy(program: Program, policy: Policy) -> tuple[Program, Policy | None]:
    """What a policy makes of a program, and the policy that is still to be asked: Ray's own two need not be."""
    if isinstance(policy, built_in.DefaultPolicy) and policy == built_in.DefaultPolicy():
        return program, None
    if isinstance(policy, built_in.SpreadPolicy):
        tasks = {
            task.id: replace(task, strategy=Spread()) if task.strategy == Default() else task
            for task in program.tasks.values()
        }
        return replace(program, tasks=tasks), None
    return program, policy


def deciding(program: Program) -> Program:
    """The program with the time that a driver takes for each decision of a policy."""

    def slowed(body: tuple[Action, ...]) -> tuple[Action, ...]:
        actions: list[Action] = []
        for action in body:
            task = program.tasks[action.task] if isinstance(action, Submit) else None
            if task is not None and task.strategy == Default() and task.kind is not TaskKind.ACTOR_METHOD:
                large = any(program.objects[needed].size_bytes > INLINE_BYTES for needed in task.inputs)
                actions.append(Compute(DECISION_US + LOOK_UP_US * large))
            actions.append(action)
        return tuple(actions)

    tasks = {task.id: replace(task, body=slowed(task.body)) for task in program.tasks.values()}
    return replace(program, tasks=tasks, driver=slowed(program.driver))


def estimates(program: Program) -> Mapping[str, int]:
    """The median time that the bodies of each function use a processor."""
    found: dict[str, list[int]] = {}
    for task in program.tasks.values():
        busy = sum(action.duration_us for action in task.body if isinstance(action, Compute))
        found.setdefault(task.name, []).append(busy)
    return MappingProxyType({name: round(median(times)) for name, times in found.items()})


def most_workers(workload: Workload) -> int:
    """Enough worker processes for a node at any time: actors keep theirs, and tasks that wait need further ones."""
    actors = sum(task.kind is TaskKind.ACTOR_CREATION for task in workload.unlowered.tasks.values())
    return workers_for(workload) + min(MOST_WORKERS, actors)
