"""The whole of `check` for one policy: verified on small scopes, then simulated on the recorded workload."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rayproof.check.simulation import Figures, Settings, Workload, simulate
from rayproof.counterexamples import save
from rayproof.model.kernel import PolicyError, Statement, Verdict, combine
from rayproof.model.kernel.explore import Limits
from rayproof.model.kernel.trace import Trace
from rayproof.model.scheduler.policy.hooks import Policy, printable
from rayproof.policies import LoadedPolicy, load_policy, questions
from rayproof.properties.catalogue import CATALOGUE, ENTRIES, Entry, Scope
from rayproof.properties.cluster.ray2.differences import differences
from rayproof.properties.entry import Edition
from rayproof.properties.scheduler.paper.starvation import exact_starvation_bound
from rayproof.solver.bounds import Bound, lower_bound
from rayproof.solver.instances import InfeasibleError, InstanceError, from_program
from rayproof.verify import Verification, verify, versions

SCOPE_LIMITS = Limits(states=400_000, memory_mb=8_000)
"""Cap of each scope on which a policy is verified."""

STARVATION_SCOPE = "sched-classes"
"""Two classes of tasks on one node: who waits, and behind how many."""

ENDING = ("too_slow", "too_large", "exits")
"""Rules whose breach costs the process of the policy, and the time until that is seen."""

SEEDS = 5
"""Runs of the simulation when a policy draws."""


def policy_scenarios(policy: Policy, edition: Edition) -> tuple[Entry, ...]:
    """The scopes of an edition on which a policy is verified, and those of the other hooks that it has."""
    return tuple(
        entry
        for entry in ENTRIES
        if entry.scope is Scope.TINY
        and entry.concerns(policy)
        and (entry.hook or entry.edition in (edition, Edition.BOTH))
    )


@dataclass(frozen=True)
class PolicyReport:
    """What is found about one policy."""

    name: str
    spec: str
    verdict: Verdict
    verifications: tuple[Verification, ...]
    trace: Trace | None
    """The shortest counterexample of the statement that broke in most scopes."""
    trace_file: Path | None
    figures: Figures | None
    """None when the policy broke a rule in the small and was not simulated."""
    note: str
    differs: tuple[tuple[Statement, str], ...] = ()
    """Promises of Ray's own policy that this one does not make, each with a scope that shows it."""
    questions: int | None = None
    """How many different questions it answered, each of them twice; None for a built-in one."""
    starvation_bound: int | None = None
    """The most tasks of its class that overtake a ready one on its node, exhausted in `STARVATION_SCOPE`."""


@dataclass(frozen=True)
class Report:
    """What is found about all policies on one workload."""

    workload: Workload
    bound: Bound | None
    bound_note: str
    policies: tuple[PolicyReport, ...]
    settings: Settings
    complete: bool = True
    """False after an interrupt: some policies were not looked at."""

    @property
    def verdict(self) -> Verdict:
        """Over all policies; what was not looked at is undetermined."""
        missing = () if self.complete else (Verdict.UNDETERMINED,)
        return combine([*(policy.verdict for policy in self.policies), *missing])


Stage = Callable[[str], None]


def load_or_refuse(spec: str) -> LoadedPolicy | PolicyReport:
    """The policy, or the report on one that breaks a rule as soon as it is loaded; raises `InputError`."""
    try:
        return load_policy(spec)
    except PolicyError as error:
        return PolicyReport(printable(spec), spec, Verdict.VIOLATED, (), None, None, None, f"{error.rule}: {error}")


def bound_of(workload: Workload) -> tuple[Bound | None, str]:
    """A certified lower bound on any fault-free run of the workload; without one, why there is none."""
    try:
        return lower_bound(from_program(workload.unlowered, workload.cluster)), ""
    except (InfeasibleError, InstanceError) as error:
        return None, f"none: {error}"


def check_policy(
    loaded: LoadedPolicy, workload: Workload, settings: Settings, out: Path, on_stage: Stage
) -> PolicyReport:
    """Verify a policy on every small scope, keep its shortest counterexample, and simulate it if it is sound."""
    done: list[Verification] = []
    for entry in policy_scenarios(loaded.policy, settings.edition):
        on_stage(f"{loaded.name}: verify {entry.name}")
        done += verify([entry], seed=settings.seed, limits=SCOPE_LIMITS, policy=loaded.policy, policy_spec=loaded.spec)
        if done[-1].result.note.startswith("interrupted"):
            raise KeyboardInterrupt
        violation = done[-1].result.violation
        if violation is not None and violation.statement in ENDING:
            break  # It would cost as much in each of the other scopes.
    verdict = combine(v.result.verdict for v in done)
    traces = [v.trace for v in done if v.trace is not None]
    if traces:
        # The breach that shows most often tells most; of its counterexamples the shortest.
        often = Counter(trace.statement for trace in traces)
        shortest = min(traces, key=lambda trace: (-often[trace.statement], len(trace.steps)))
        file = save(shortest, out)
        asked = questions(loaded.policy)
        note = "not simulated"
        return PolicyReport(loaded.name, loaded.spec, verdict, tuple(done), shortest, file, None, note, (), asked)
    on_stage(f"{loaded.name}: simulate {workload.recording.name}")
    figures = simulate(workload, loaded.policy, settings, seeds=SEEDS)
    note = _note(workload, figures)
    if figures.error:
        verdict = Verdict.VIOLATED
    bound = None
    differs: tuple[tuple[Statement, str], ...] = ()
    if not figures.error and settings.edition is Edition.PAPER:
        bound = exact_starvation_bound(CATALOGUE[STARVATION_SCOPE], loaded.policy)
    elif not figures.error:
        on_stage(f"{loaded.name}: compare with Ray's own policy")
        differs = differences(loaded.policy, SCOPE_LIMITS)
    asked = questions(loaded.policy)
    return PolicyReport(
        loaded.name, loaded.spec, verdict, tuple(done), None, None, figures, note, differs, asked, bound
    )


def _note(workload: Workload, figures: Figures) -> str:
    if figures.error:
        return f"the simulation ended: {figures.error}"
    if figures.makespan_s is not None and not figures.unfinished:
        return ""
    total = [node.total for node in workload.cluster.nodes]
    demands = {task: workload.program.tasks[task].demand for task in figures.unfinished}
    never = [task for task, demand in demands.items() if not any(demand.fits(node) for node in total)]
    parts = []
    if figures.makespan_s is None:
        parts.append("the driver still waits at the end")
    if never:
        parts.append(f"no node can run {', '.join(never[:5])}{' ...' if len(never) > 5 else ''}")
    rest = [task for task in figures.unfinished if task not in never]
    if rest:
        parts.append(f"without an end: {', '.join(rest[:5])}{' ...' if len(rest) > 5 else ''}")
    return "; ".join(parts)


def gap(figures: Figures | None, bound: Bound | None) -> float | None:
    """Makespan over the lower bound, minus one."""
    if figures is None or figures.makespan_s is None or bound is None or not bound.value_us:
        return None
    return figures.makespan_s * 1e6 / bound.value_us - 1


def as_json(report: Report) -> dict[str, Any]:
    """The machine-readable report."""
    recording = report.workload.recording
    bound = report.bound
    return {
        "verdict": report.verdict,
        "workload": recording.name,
        "cluster": report.workload.cluster.name,
        "recorded_makespan_s": recording.outcome.makespan_s,
        "policies": [_policy_json(policy, bound, report.bound_note) for policy in report.policies],
        "unsupported": list(report.workload.unsupported),
        "edition": report.settings.edition,
        "decides": report.settings.decides,
        "seed": report.settings.seed,
        "versions": versions(),
    }


def _policy_json(policy: PolicyReport, bound: Bound | None, bound_note: str) -> dict[str, Any]:
    figures = policy.figures
    statements: dict[str, list[Verdict]] = {}
    for verification in policy.verifications:
        for statement in verification.result.statements:
            statements.setdefault(statement.name, []).append(statement.verdict)
        violation = verification.result.violation
        if violation is not None:
            statements.setdefault(violation.statement, []).append(Verdict.VIOLATED)
    return {
        "name": policy.name,
        "spec": policy.spec,
        "verdict": policy.verdict,
        "makespan_s": None if figures is None else figures.makespan_s,
        "makespans_s": [] if figures is None else list(figures.makespans_s),
        "lower_bound_s": None if bound is None else bound.value_us / 1e6,
        "certificate": bound_note if bound is None else f"{bound.kind}: {bound.certificate}",
        "gap": gap(figures, bound),
        "bytes_moved": None if figures is None else figures.bytes_moved,
        "wait_p50_s": None if figures is None else figures.wait_p50_s,
        "wait_p99_s": None if figures is None else figures.wait_p99_s,
        "load_imbalance": None if figures is None else figures.imbalance,
        "utilisation": None if figures is None else figures.utilisation,
        "questions": policy.questions,
        "starvation_bound": policy.starvation_bound,
        "differs_from_ray": [{"name": s.name, "sentence": s.sentence, "scope": scope} for s, scope in policy.differs],
        "decisions": None if figures is None else figures.decisions,
        "breakdown": {} if figures is None else {f"{name}_s": value for name, value in figures.breakdown_s.items()},
        "unfinished": [] if figures is None else list(figures.unfinished),
        "statements": [{"name": name, "verdict": combine(found)} for name, found in statements.items()],
        "counterexample": None if policy.trace_file is None else str(policy.trace_file),
        "note": policy.note,
    }
