"""A recorded program run in the model beside the bound of its relaxation.

As for instances, nothing but the policy and the links costs time. Bodies last as long as in the recording, and the
driver submits when it did; faults do not happen, and nodes that joined late are there from the start, since the
relaxation has them as well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from rayproof.check.measures import Measures
from rayproof.check.simulation import Workload
from rayproof.check.stalled import stall_of
from rayproof.errors import InputError
from rayproof.gaps.running import MOST_WORKERS
from rayproof.model.cluster.paper import ClusterParameters, assemble
from rayproof.model.graph import Compute
from rayproof.model.kernel import PolicyError, Simulation, Timing
from rayproof.model.scheduler.policy.hooks import Policy, policy_name
from rayproof.policies import require_settled

BANDWIDTH = 1_000_000_000
"""Bytes per second between two nodes, where the cluster does not say."""


@dataclass(frozen=True)
class ProgramRun:
    """How a program went."""

    makespan_us: int
    bytes_moved: int


def run_workload(workload: Workload, policy: Policy, seed: int = 0) -> ProgramRun:
    """Run the workload.

    Raises `PolicyError` when the policy breaks a rule or lets tasks wait for ever, `InputError` when the workload
    cannot end here, whatever the policy.
    """
    bandwidth = workload.cluster.bandwidth_bytes_per_s or BANDWIDTH
    program = workload.program
    durations = [
        sum(action.duration_us for action in task.body if isinstance(action, Compute))
        for task in program.tasks.values()
        if task.id not in workload.recording.setup
    ]
    parameters = ClusterParameters(
        policy=policy,
        threshold=0,
        workers=max(1, min(MOST_WORKERS, len(program.tasks))),
        task_us=max(1, sum(durations) // max(1, len(durations))),
        at_once=workload.recording.setup,
        timing=Timing(latency_us=0, local_latency_us=0, bandwidth_bytes_per_s=bandwidth),
    )
    cluster = replace(workload.cluster, bandwidth_bytes_per_s=bandwidth)
    measures = Measures(program, cluster, workload.recording.setup, decision_us=0)
    scenario = assemble("gap", program, cluster, parameters)
    Simulation(scenario, seed, on_event=measures.observe).run()
    require_settled(policy)
    stall = stall_of(measures)
    if stall is not None and stall.by_policy:
        what = "; ".join(stall.sentences())
        raise PolicyError("progress", f"policy {policy_name(policy)} lets work wait for ever: {what}")
    if stall is not None or measures.makespan_us is None:
        what = "what was given up is waited for" if stall is None else "; ".join(stall.sentences())
        raise InputError(workload.recording.name, None, f"no makespan: {what}", "a workload that can end here")
    return ProgramRun(measures.makespan_us, measures.bytes_moved)
