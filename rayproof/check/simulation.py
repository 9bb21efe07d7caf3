"""A recorded workload run again in the model, under a policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import median

from rayproof.check.measures import Measures, percentile
from rayproof.check.reach import idle_hooks
from rayproof.check.stalled import Stall, stall_of
from rayproof.model.cluster.paper import ClusterParameters, assemble, raylet_of
from rayproof.model.graph import ClusterSpec, Get, NodeAffinity, NodeId, Program, Wait
from rayproof.model.kernel import Happening, PolicyError, Simulation, SimulationResult, Timing
from rayproof.model.scheduler.paper.lowering import lowered, settled_strategies
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.policies import put_again
from rayproof.properties.entry import Edition
from rayproof.recordings import Recording
from rayproof.recordings.lines import FaultKind

LATENCY_US = 300
"""One way between two nodes, for a control message."""

MOST_WORKERS = 256
"""Workers that a node may have; more than any recording needed."""

LEAST_CAP, CAP_PER_TASK = 2_000_000, 2_000
"""Events that a run may have: so many, or so many for each task. Runs take 10 to 50 for a task."""

DETECTION_US = 3_000_000
"""From a node's death to the word of it, where the recording does not say."""


BANDWIDTH = {Edition.RAY2: 300_000_000, Edition.PAPER: 1_000_000_000}
"""Bytes per second between two nodes where nobody says otherwise; 50 MB took 0.17 s between raylets of one machine."""


class Decides(StrEnum):
    """Where a policy is asked in a simulation of today's Ray."""

    DRIVER = "driver"
    """At the submit: the answer is a soft node affinity. This is how it runs on real Ray, unchanged."""
    RAYLET = "raylet"
    """Where Ray's own policy decides: a change of Ray."""


@dataclass(frozen=True)
class Settings:
    """What a simulation takes from neither the recording nor the cluster."""

    bandwidth_bytes_per_s: int
    decision_us: int
    """Time the scheduler is busy with each message that it handles."""
    seed: int
    edition: Edition = Edition.RAY2
    decides: Decides = Decides.DRIVER
    """Where a policy is asked on today's Ray."""
    max_events: int | None = None
    """Cap of each run; None for one that grows with the workload."""


@dataclass(frozen=True)
class Figures:
    """The figures of one policy, in seconds; medians where several seeds were run."""

    makespan_s: float | None
    makespans_s: tuple[float, ...]
    """One per seed."""
    bytes_moved: int
    wait_p50_s: float | None
    wait_p99_s: float | None
    utilisation: float | None
    imbalance: float | None
    breakdown_s: dict[str, float]
    decisions: int
    events: int
    unfinished: tuple[str, ...]
    error: str = ""
    """The rule and the sentence of a policy error, which ended the run."""
    rejected: tuple[str, ...] = ()
    """Tasks that the policy gave up, and those that needed their results."""
    preempted: int = 0
    """Running tasks that the policy ended to make room for others."""
    work_lost_s: float = 0.0
    """Time for which they had run."""
    stall: Stall | None = None
    """What never ended, in the first of the runs in which something did not."""
    idle: tuple[str, ...] = ()
    """Hooks of the policy that had nothing to decide in any run."""
    capped: bool = False
    """Whether a run was ended by its cap, so that nothing is known of what it left."""


@dataclass(frozen=True)
class Workload:
    """A recording made ready for a cluster: its own, or another."""

    recording: Recording
    program: Program
    """In the paper's edition lowered: as the cluster's processes run it."""
    unlowered: Program
    """With actors as the program has them, for bounds."""
    cluster: ClusterSpec
    unsupported: tuple[str, ...]


def prepare(recording: Recording, cluster: ClusterSpec | None, edition: Edition = Edition.RAY2) -> Workload:
    """Fit the recorded program to a cluster, and to the paper's edition lower it; what falls away is said."""
    target = recording.cluster if cluster is None else cluster
    nodes = frozenset(node.id for node in target.nodes)
    bundles: dict[tuple[str, int], NodeId] = {
        (group.id, i): node for group in recording.groups for i, node in enumerate(group.nodes) if node is not None
    }
    notes = list(recording.unsupported)
    if cluster is not None:
        missing = sorted(
            {
                task.strategy.node
                for task in recording.program.tasks.values()
                if isinstance(task.strategy, NodeAffinity) and task.strategy.node not in nodes
            }
        )
        if missing:
            notes.append(f"Affinities to nodes that the given cluster lacks ({', '.join(missing)}) fall away.")
        if recording.groups:
            notes.append("Placement groups were reserved on the recording's nodes; here their tasks go anywhere.")
        if recording.faults:
            notes.append("Faults of the recording struck its own nodes and do not happen on the given cluster.")
    settled = settled_strategies(recording.program, bundles, nodes)
    program = lowered(settled) if edition is Edition.PAPER else settled
    return Workload(recording, program, settled, target, tuple(notes))


def simulate(
    workload: Workload,
    policy: Policy,
    settings: Settings,
    *,
    seeds: int,
    on_progress: Callable[[int], None] | None = None,
) -> Figures:
    """Run the workload; once more per further seed if anything is drawn, up to `seeds` runs."""
    # The way to run is the edition's; what is measured is the same.
    from rayproof.check.today import TodayMeasures, run_today

    today = settings.edition is Edition.RAY2
    run, kind, decision_us = (run_today, TodayMeasures, 0) if today else (_run, Measures, settings.decision_us)
    runs: list[tuple[Measures, int]] = []
    stall, capped = None, False
    for number in range(seeds):
        measures = kind(workload.program, workload.cluster, workload.recording.setup, decision_us)
        try:
            result, drew = run(workload, policy, settings, settings.seed + number, measures, on_progress)
        except PolicyError as error:
            return _broken(error)
        runs.append((measures, result.events))
        if not result.rested:
            capped = True
        elif stall is None:
            stall = stall_of(measures, _killed(workload))
        if not drew:
            break
    broken = put_again(policy)
    if broken is not None:
        return _broken(broken)
    told = [] if capped else [idle_hooks(policy, measures, settings.edition) for measures, _ in runs]
    idle = tuple(sentence for sentence in (told[0] if told else ()) if all(sentence in each for each in told))
    figures = _figures(workload, runs)
    if stall is not None and stall.by_policy:
        # The driver may end all the same, having waited for nothing; that is no time for work that was not done.
        figures = replace(figures, makespan_s=None, makespans_s=())
    return replace(figures, stall=stall, capped=capped, idle=idle)


def _broken(error: PolicyError) -> Figures:
    """The figures of a policy that has broken a rule."""
    return Figures(None, (), 0, None, None, None, None, {}, 0, 0, (), f"{error.rule}: {error}")


def _killed(workload: Workload) -> list[NodeId]:
    """Nodes that are dead at the end of a run."""
    if workload.cluster is not workload.recording.cluster:
        return []
    return [f.node for f in workload.recording.faults if f.kind is FaultKind.KILL_NODE and f.node is not None]


def _run(
    workload: Workload,
    policy: Policy,
    settings: Settings,
    seed: int,
    measures: Measures,
    on_progress: Callable[[int], None] | None,
) -> tuple[SimulationResult, bool]:
    recording, cluster = (
        workload.recording,
        replace(workload.cluster, bandwidth_bytes_per_s=settings.bandwidth_bytes_per_s),
    )
    own = workload.cluster is recording.cluster
    number = {node.id: i for i, node in enumerate(cluster.nodes)}
    delays = [dict(recording.startup.first_bodies).get(node.id, ()) if own else () for node in cluster.nodes]

    def startup_us(node: int, position: int) -> int:
        known = delays[node]
        return known[position] if position < len(known) else recording.startup.cold_us

    happenings = tuple(happenings_of(recording, number)) if own else ()
    parameters = ClusterParameters(
        policy=policy,
        threshold=0,
        workers=workers_for(workload),
        startup_us=startup_us,
        overhead_us=recording.startup.warm_us,
        at_once=recording.setup,
        joining=tuple(number[node] for node in recording.late) if own else (),
        weight_per_mille=200,
        timing=Timing(
            latency_us=LATENCY_US,
            bandwidth_bytes_per_s=settings.bandwidth_bytes_per_s,
            detection_us=detection_us(recording),
            handler_us={"GlobalScheduler": settings.decision_us},
        ),
    )
    scenario = assemble("check", workload.program, cluster, parameters)
    simulation = Simulation(
        scenario,
        seed,
        on_event=measures.observe,
        happenings=happenings,
        on_progress=None if on_progress is None else (lambda events, now: on_progress(events)),
    )
    return simulation.run(max_events=most_events(workload, settings)), simulation.drew


def most_events(workload: Workload, settings: Settings) -> int:
    """The cap of each run."""
    return settings.max_events or max(LEAST_CAP, CAP_PER_TASK * len(workload.program.tasks))


def happenings_of(recording: Recording, number: dict[NodeId, int]) -> list[Happening]:
    """Recorded deaths and arrivals of nodes, as faults of the simulated units; `number`: the position of each node."""
    found = []
    for fault in recording.faults:
        if fault.node is None or fault.node not in number:
            continue
        unit = f"node{number[fault.node]}"
        if fault.kind is FaultKind.KILL_NODE:
            found.append(Happening(fault.at_us, unit))
        elif fault.kind is FaultKind.ADD_NODE and fault.node in recording.late:
            found.append(Happening(fault.at_us, unit, joins=True))
    return found


def detection_us(recording: Recording) -> int:
    """How long the recorded cluster took to notice a death; the default where it does not say."""
    killed = {f.node: f.at_us for f in recording.faults if f.kind is FaultKind.KILL_NODE}
    seen = [
        f.at_us - killed[f.node] for f in recording.faults if f.kind is FaultKind.NODE_DEAD_SEEN and f.node in killed
    ]
    return round(median(seen)) if seen else DETECTION_US


def workers_for(workload: Workload) -> int:
    """Enough workers for every task that can be on a node at once; tasks that block need more than there are CPUs."""
    tasks = workload.program.tasks.values()
    if any(isinstance(action, Get | Wait) for task in tasks for action in task.body) or any(
        not task.demand.fixed("CPU") for task in tasks
    ):
        return min(MOST_WORKERS, max(1, len(workload.program.tasks)))
    most = max((node.total.fixed("CPU") for node in workload.cluster.nodes), default=0)
    least = min((task.demand.fixed("CPU") for task in tasks), default=10_000)
    return max(1, min(MOST_WORKERS, len(workload.program.tasks), -(-most // least)))


def _figures(workload: Workload, runs: list[tuple[Measures, int]]) -> Figures:
    names = {raylet_of(i): i for i in range(len(workload.cluster.nodes))}
    makespans = tuple(m.makespan_us / 1e6 for m, _ in runs if m.makespan_us is not None)
    # The figures of the run with the median makespan; of equal ones the first.
    ranked = sorted(runs, key=lambda run: -1 if run[0].makespan_us is None else run[0].makespan_us)
    measures, events = ranked[(len(ranked) - 1) // 2]
    waits = measures.waits_us()
    p50, p99 = percentile(waits, 0.5), percentile(waits, 0.99)
    return Figures(
        None if measures.makespan_us is None else measures.makespan_us / 1e6,
        makespans,
        measures.bytes_moved,
        None if p50 is None else p50 / 1e6,
        None if p99 is None else p99 / 1e6,
        measures.utilisation(names),
        measures.imbalance(names),
        {condition: duration / 1e6 for condition, duration in measures.breakdown_us().items()},
        measures.decisions,
        events,
        tuple(measures.unfinished()),
        rejected=tuple(sorted(measures.rejected)),
        preempted=len(lost := getattr(measures, "preempted", [])),
        work_lost_s=sum(lost) / 1e6,
    )
