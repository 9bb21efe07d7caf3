"""The whole of `check` for one policy: verified on small scopes, then simulated on the recorded workload."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rayproof.check.simulation import Decides, Figures, Settings, Workload, simulate
from rayproof.check.stalled import Stall
from rayproof.check.today import decides_in_raylets
from rayproof.counterexamples import kept
from rayproof.model.kernel import Limits, PolicyError, Statement, Trace, Verdict, combine
from rayproof.model.scheduler.policy.hooks import Policy, printable
from rayproof.policies import LoadedPolicy, load_policy, put_again, questions
from rayproof.properties.catalogue import CATALOGUE, ENTRIES, Entry, Scope
from rayproof.properties.cluster.ray2.differences import differences
from rayproof.properties.entry import Edition
from rayproof.properties.scheduler.paper.starvation import RuleBrokenError, StarvationBound, exact_starvation_bound
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
    verifications: tuple[Verification, ...] = ()
    trace: Trace | None = None
    """The shortest counterexample of the statement that broke in most scopes."""
    trace_file: Path | None = None
    """None when there is no counterexample, or it could not be written and was printed."""
    figures: Figures | None = None
    """None when the policy broke a rule in the small and was not simulated."""
    notes: tuple[str, ...] = ()
    """What must be said beside the verdict, most important first."""
    differs: tuple[tuple[Statement, str], ...] = ()
    """Promises of Ray's own policy that this one does not make, each with a scope that shows it."""
    questions: int | None = None
    """How many different questions it answered, each of them twice; None for a built-in one."""
    starvation_bound: StarvationBound | None = None
    """The most tasks of its class that overtake a ready one on its node, in `STARVATION_SCOPE`."""
    interrupted: bool = False
    """Whether Ctrl-C ended it; the verdict is then at best undetermined."""


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
    notes: tuple[str, ...] = ()
    """What of the workload limits what the figures say about policies."""

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
        return PolicyReport(printable(spec), spec, Verdict.VIOLATED, notes=(f"{error.rule}: {error}",))


def bound_of(workload: Workload) -> tuple[Bound | None, str]:
    """A certified lower bound on any fault-free run of the workload; without one, why there is none."""
    try:
        return lower_bound(from_program(workload.unlowered, workload.cluster)), ""
    except (InfeasibleError, InstanceError) as error:
        return None, f"none: {error}"


def check_policy(
    loaded: LoadedPolicy,
    workload: Workload,
    settings: Settings,
    out: Path,
    on_stage: Stage,
    limits: Limits = SCOPE_LIMITS,
) -> PolicyReport:
    """Verify a policy on every small scope, keep its shortest counterexample, and simulate it if it is sound.

    A limit, an interrupt or the end of memory in any part makes it undetermined; what was broken before stays broken.
    """
    found = _Found(loaded, out)
    try:
        for entry in policy_scenarios(loaded.policy, settings.edition):
            on_stage(f"{loaded.name}: verify {entry.name}")
            found.done += verify(
                [entry], seed=settings.seed, limits=limits, policy=loaded.policy, policy_spec=loaded.spec
            )
            if found.done[-1].interrupted:
                raise KeyboardInterrupt
            violation = found.done[-1].result.violation
            if violation is not None and violation.statement in ENDING:
                break  # It would cost as much in each of the other scopes.
        if found.broken:
            return found.report()
        on_stage(f"{loaded.name}: simulate {workload.recording.name}")
        found.simulated(simulate(workload, loaded.policy, settings, seeds=SEEDS), settings)
        if found.figures is not None and found.figures.error:
            return found.report()
        if settings.edition is Edition.RAY2:
            on_stage(f"{loaded.name}: compare with Ray's own policy")
            found.differs = differences(loaded.policy, limits)
        else:
            on_stage(f"{loaded.name}: starvation bound")
            found.bound = exact_starvation_bound(CATALOGUE[STARVATION_SCOPE], loaded.policy, limits)
            if not found.bound.exact:
                found.add(Verdict.UNDETERMINED, f"the starvation bound is not exact: {found.bound.note}")
        broken = put_again(loaded.policy)
        if broken is not None:
            where = "compared with Ray's own policy" if settings.edition is Edition.RAY2 else f"in {STARVATION_SCOPE}"
            found.add(Verdict.VIOLATED, f"{where}, {broken.rule}: {broken}")
    except KeyboardInterrupt:
        found.interrupted = True
        found.add(Verdict.UNDETERMINED, "interrupted")
    except MemoryError:
        found.add(Verdict.UNDETERMINED, "out of memory")
    except RuleBrokenError as error:
        found.add(Verdict.VIOLATED, f"in {STARVATION_SCOPE}, {error}")
    return found.report()


class _Found:
    """What is known of a policy so far."""

    def __init__(self, loaded: LoadedPolicy, out: Path) -> None:
        self.loaded, self.out = loaded, out
        self.done: list[Verification] = []
        self.figures: Figures | None = None
        self.bound: StarvationBound | None = None
        self.differs: tuple[tuple[Statement, str], ...] = ()
        self.interrupted = False
        self._verdicts: list[Verdict] = []
        self._notes: list[str] = []

    @property
    def broken(self) -> list[Trace]:
        return [v.trace for v in self.done if v.trace is not None]

    def add(self, verdict: Verdict, note: str) -> None:
        self._verdicts.append(verdict)
        self._notes.append(note)

    def simulated(self, figures: Figures, settings: Settings) -> None:
        self.figures = figures
        today = settings.edition is Edition.RAY2 and settings.decides is Decides.DRIVER
        if today and decides_in_raylets(self.loaded.policy):
            self._notes.append("simulated in the raylets, where its hooks order and preempt decide")
        if figures.error:
            self.add(Verdict.VIOLATED, f"the simulation ended: {figures.error}")
        if figures.capped:
            self.add(Verdict.UNDETERMINED, "the simulation was ended by its cap on events; what it left may end or not")
        if figures.stall is not None:
            by_policy = figures.stall.by_policy
            verdict = Verdict.VIOLATED if by_policy else Verdict.UNDETERMINED if by_policy is None else Verdict.HOLDS
            self._verdicts.append(verdict)
            self._notes += figures.stall.sentences()
        self._notes += figures.idle
        if figures.preempted:
            self._notes.append(
                f"{figures.preempted} running tasks were ended to make room; {figures.work_lost_s:.2f} s of work lost"
            )
        if figures.rejected:
            named = ", ".join(figures.rejected[:5]) + (" ..." if len(figures.rejected) > 5 else "")
            self._notes.append(f"{len(figures.rejected)} tasks were given up: {named}")

    def report(self) -> PolicyReport:
        trace, file = None, None
        if self.broken:
            # The breach that shows most often tells most; of its counterexamples the shortest.
            often = Counter(trace.statement for trace in self.broken)
            trace = min(self.broken, key=lambda trace: (-often[trace.statement], len(trace.steps)))
            file = kept(trace, self.out)
        return PolicyReport(
            self.loaded.name,
            self.loaded.spec,
            combine([*(v.result.verdict for v in self.done), *self._verdicts]),
            tuple(self.done),
            trace,
            file,
            self.figures,
            tuple(self._notes) if self.figures is not None or trace is None else (*self._notes, "not simulated"),
            self.differs,
            questions(self.loaded.policy),
            self.bound,
            self.interrupted,
        )


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
        "complete": report.complete,
        "policies": [_policy_json(policy, bound, report.bound_note) for policy in report.policies],
        "unsupported": list(report.workload.unsupported),
        "notes": list(report.notes),
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
        "starvation_bound": None if policy.starvation_bound is None else policy.starvation_bound.tasks,
        "starvation_bound_exact": None if policy.starvation_bound is None else policy.starvation_bound.exact,
        "differs_from_ray": [{"name": s.name, "sentence": s.sentence, "scope": scope} for s, scope in policy.differs],
        "decisions": None if figures is None else figures.decisions,
        "breakdown": {} if figures is None else {f"{name}_s": value for name, value in figures.breakdown_s.items()},
        "unfinished": [] if figures is None else list(figures.unfinished),
        "preempted": None if figures is None else {"tasks": figures.preempted, "work_lost_s": figures.work_lost_s},
        "given_up": [] if figures is None else list(figures.rejected),
        "never_ends": None if figures is None or figures.stall is None else _stall_json(figures.stall),
        "capped": figures is not None and figures.capped,
        "statements": [{"name": name, "verdict": combine(found)} for name, found in statements.items()],
        "counterexample": None if policy.trace_file is None else str(policy.trace_file),
        "broken": None if policy.trace is None else policy.trace.statement,
        "notes": list(policy.notes),
        "interrupted": policy.interrupted,
    }


def _stall_json(stall: Stall) -> dict[str, Any]:
    return {
        "by_policy": stall.by_policy,
        "tasks": [{"task": each.task, "waits": each.waits_for, "by_policy": each.by_policy} for each in stall.tasks],
        "last_decision": stall.last_decision,
        "rested_s": stall.rested_us / 1e6,
    }
