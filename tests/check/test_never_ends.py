"""Work that never ends on the very workload asked about: whose doing it is, and what waits for what."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rayproof.check import verdict as check_verdict
from rayproof.check.reach import strategies_in_force
from rayproof.check.simulation import Figures, Settings, Workload, prepare, simulate
from rayproof.check.verdict import check_policy
from rayproof.gaps.workloads import run_workload
from rayproof.model.graph import NodeAffinity
from rayproof.model.kernel import INTERRUPTED_NOTE, Limits, PolicyError, Result, Scenario, Verdict
from rayproof.model.scheduler.policy.built_in import BUILT_IN
from rayproof.model.scheduler.policy.hooks import Choices, ClusterView, Policy, TaskView
from rayproof.model.scheduler.policy.queue_hooks import GIVE_UP, Backoff
from rayproof.policies import LoadedPolicy
from rayproof.properties.catalogue import CATALOGUE
from rayproof.properties.entry import Edition
from rayproof.properties.scheduler.paper.starvation import exact_starvation_bound
from rayproof.recordings import read_recording
from tests.recordings.test_bad_recordings import SMALL
from tests.shared_data import EXAMPLES, SHARED_DATA, needs_shared_data

SETTINGS = Settings(1_000_000_000, 50, 0, Edition.PAPER)
FOUR_NODES = EXAMPLES / "recordings" / "29_policy_default.jsonl"
TREE = EXAMPLES / "recordings" / "13_tree_reduce.jsonl"

Place = Callable[[TaskView, ClusterView, int], str | None]


class Stubborn:
    """Places on the first node with room, unless `waits` says otherwise; remembers how often it placed."""

    name = "stubborn"
    memory = 0

    def __init__(self, waits: Callable[[TaskView, ClusterView, int], bool]) -> None:
        self.waits = waits

    def place(self, task: TaskView, view: ClusterView, memory: int, ctx: Choices) -> tuple[str | None, int]:
        free = [node for node in view.options if node.fits_now(task.demand)]
        if not free or self.waits(task, view, memory):
            return None, memory
        return free[0].name, memory + 1


def run(policy: Policy, path: Path = FOUR_NODES, edition: Edition = Edition.PAPER, **settings: Any) -> Figures:
    workload = prepare(read_recording(path), None, edition)
    return simulate(workload, policy, replace(SETTINGS, edition=edition, **settings), seeds=1)


@pytest.mark.parametrize(
    "waits",
    [
        lambda task, view, placed: len(view.nodes) > 3,
        lambda task, view, placed: placed >= 10,
        lambda task, view, placed: task.id.endswith("3"),
    ],
    ids=["more than three nodes", "after ten placements", "some tasks"],
)
@pytest.mark.parametrize("edition", [Edition.RAY2, Edition.PAPER])
def test_a_policy_that_lets_work_wait_for_ever_is_to_blame(waits: Callable[..., bool], edition: Edition) -> None:
    found = run(Stubborn(waits), edition=edition)
    assert found.stall is not None and found.stall.by_policy is True
    assert any("waits for a node" in each.waits_for and each.by_policy for each in found.stall.tasks)
    assert ("last decision" in found.stall.last_decision) or "no task was ever placed" in found.stall.last_decision


def test_the_last_decision_is_named() -> None:
    stall = run(Stubborn(lambda task, view, placed: placed >= 10)).stall
    assert stall is not None and stall.last_decision.startswith("the last decision: ")
    assert stall.sentences()[-1].endswith(f"nothing moved after {stall.rested_us / 1e6:.6f} s")


def one_task(tmp_path: Path, **fields: Any) -> Path:
    lines = [dict(line) for line in SMALL]
    lines[2] |= fields
    path = tmp_path / "one.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_task_that_fits_no_node_is_named_apart_and_nobody_is_to_blame(tmp_path: Path) -> None:
    stall = run(BUILT_IN["default"], one_task(tmp_path, req={"CPU": 64.0})).stall
    assert stall is not None and stall.by_policy is False
    assert [(each.task, each.waits_for) for each in stall.tasks][:1] == [("T0", "fits no node: it needs 64 CPU")]
    assert stall.tasks[-1].task == "driver" and "waits for O0" in stall.tasks[-1].waits_for


def test_a_pinned_task_whose_only_node_the_policy_refuses_is_its_doing(tmp_path: Path) -> None:
    path = one_task(tmp_path, opts={"strategy": {"affinity": "N0", "soft": False}})
    assert run(BUILT_IN["default"], path).stall is None
    stall = run(Stubborn(lambda task, view, placed: isinstance(task.strategy, NodeAffinity)), path).stall
    assert stall is not None and stall.by_policy is True


class Gives:
    """Gives every task up that finds no place, or looks again for ever."""

    name = "gives"
    locality = False

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def place(self, task: TaskView, view: ClusterView, memory: Hashable, ctx: Choices) -> str | None:
        return None

    def retry(self, task: TaskView, attempt: int, view: ClusterView, memory: Hashable, ctx: Choices) -> object:
        return self.answer


def test_what_the_policy_gives_up_is_a_figure_and_no_stall(tmp_path: Path) -> None:
    found = run(Gives(GIVE_UP), one_task(tmp_path))
    assert found.stall is None and found.rejected == ("T0",) and not found.unfinished


def test_a_run_that_its_cap_ends_says_nothing_of_what_it_left(tmp_path: Path) -> None:
    for back_off in (0, 1_000):
        found = run(Gives(Backoff(back_off)), one_task(tmp_path), max_events=5_000)
        assert found.capped and found.stall is None and found.makespan_s is None
    assert not run(BUILT_IN["default"], one_task(tmp_path), max_events=5_000).capped


@needs_shared_data("ray-traces")
def test_actors_that_stay_and_fill_the_cluster_are_nobodys_fault() -> None:
    stall = run(BUILT_IN["default"], SHARED_DATA / "ray-traces" / "26_actor_packing.jsonl").stall
    assert stall is not None and stall.by_policy is False
    assert "the actors that stay fill the cluster" in " ".join(stall.sentences())


def test_gap_blames_the_policy_for_waiting_and_nobody_for_what_cannot_end(tmp_path: Path) -> None:
    workload = prepare(read_recording(FOUR_NODES), None)
    with pytest.raises(PolicyError, match=r"lets work wait for ever: .* waits for a node"):
        run_workload(workload, Stubborn(lambda task, view, placed: placed >= 10))
    impossible = prepare(read_recording(one_task(tmp_path, req={"CPU": 64.0})), None)
    with pytest.raises(ValueError, match=r"no makespan: T0 never ends, whatever the policy: it fits no node"):
        run_workload(impossible, BUILT_IN["default"])


# ---- the verdict ----------------------------------------------------------------------------------------------------


@pytest.fixture
def no_scopes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_verdict, "policy_scenarios", lambda policy, edition: ())


def checked(policy: Policy, workload: Workload, tmp_path: Path, **settings: Any) -> check_verdict.PolicyReport:
    loaded = LoadedPolicy("mine", "mine", policy)
    return check_policy(loaded, workload, replace(SETTINGS, **settings), tmp_path, lambda stage: None)


@pytest.mark.usefixtures("no_scopes")
def test_the_verdict_over_all_that_can_happen(tmp_path: Path) -> None:
    usual = prepare(read_recording(one_task(tmp_path)), None)
    impossible = prepare(read_recording(one_task(tmp_path, req={"CPU": 64.0})), None)
    never = Stubborn(lambda task, view, placed: True)
    for policy, workload, settings, expected in (
        (BUILT_IN["default"], usual, {}, Verdict.HOLDS),
        (BUILT_IN["default"], impossible, {}, Verdict.HOLDS),
        (never, usual, {}, Verdict.VIOLATED),
        (Gives(GIVE_UP), usual, {}, Verdict.HOLDS),
        (Gives(Backoff(7)), usual, {"max_events": 1_000}, Verdict.UNDETERMINED),
    ):
        report = checked(policy, workload, tmp_path, **settings)
        assert report.verdict is expected, (policy, report.notes)
        assert report.notes or expected is Verdict.HOLDS


@pytest.mark.parametrize("raised", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("part", ["simulate", "exact_starvation_bound"])
@pytest.mark.usefixtures("no_scopes")
def test_an_interrupt_or_no_memory_in_any_part_is_undetermined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str, raised: type[BaseException]
) -> None:
    def ended(*arguments: object, **named: object) -> None:
        raise raised

    monkeypatch.setattr(check_verdict, part, ended)
    report = checked(BUILT_IN["default"], prepare(read_recording(one_task(tmp_path)), None), tmp_path)
    assert report.verdict is Verdict.UNDETERMINED and report.starvation_bound is None
    assert report.interrupted == (raised is KeyboardInterrupt)


def test_a_starvation_bound_that_was_cut_short_is_not_exact() -> None:
    whole = exact_starvation_bound(CATALOGUE["sched-classes"])
    assert whole.exact
    cut = exact_starvation_bound(CATALOGUE["sched-classes"], None, Limits(states=50))
    assert not cut.exact and "50" in cut.note and cut.tasks <= whole.tasks


def test_an_interrupt_of_the_starvation_bound_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(scenario: Scenario, **named: object) -> Result:
        return Result(scenario.name, "", "explore", Verdict.UNDETERMINED, 0, 0, 0, 0.0, (), note=INTERRUPTED_NOTE)

    monkeypatch.setattr("rayproof.properties.scheduler.paper.starvation.explore", interrupted)
    with pytest.raises(KeyboardInterrupt):
        exact_starvation_bound(CATALOGUE["sched-classes"])


@pytest.mark.usefixtures("no_scopes")
def test_a_rule_that_is_broken_while_the_bound_is_sought_is_the_policys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Orders(Stubborn):
        def order(self, queue: Any, view: Any, memory: Any, ctx: Any) -> Any:
            return queue[0].id if queue[0].id == "T0" else "nobody"

    workload = prepare(read_recording(one_task(tmp_path)), None)
    report = checked(Orders(lambda task, view, placed: False), workload, tmp_path)
    assert report.verdict is Verdict.VIOLATED and "in sched-classes, the policy breaks" in " ".join(report.notes)


@pytest.mark.usefixtures("no_scopes")
@pytest.mark.parametrize(
    ("edition", "last"), [(Edition.RAY2, "differences"), (Edition.PAPER, "exact_starvation_bound")]
)
def test_what_the_last_part_asked_is_put_to_the_policy_again(
    edition: Edition, last: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    asked = getattr(check_verdict, last)

    def ends(*arguments: Any) -> Any:
        done.append(last)
        return asked(*arguments)

    def moody(policy: object) -> PolicyError | None:
        return PolicyError("deterministic", "it answered otherwise") if done else None

    monkeypatch.setattr(check_verdict, last, ends)
    monkeypatch.setattr(check_verdict, "put_again", moody)
    workload = prepare(read_recording(one_task(tmp_path)), None, edition)
    report = checked(BUILT_IN["default"], workload, tmp_path, edition=edition)
    assert report.verdict is Verdict.VIOLATED and "deterministic: it answered otherwise" in " ".join(report.notes)


# ---- what a workload lets a policy decide ---------------------------------------------------------------------------


class EveryHook(Stubborn):
    """Has every hook."""

    def __init__(self) -> None:
        super().__init__(lambda task, view, placed: False)

    def order(self, queue: Any, view: Any, memory: Any, ctx: Any) -> Any:
        return queue[0].id

    def retry(self, task: Any, attempt: Any, view: Any, memory: Any, ctx: Any) -> Any:
        return None

    def transfer(self, queue: Any, view: Any, memory: Any, ctx: Any) -> Any:
        return queue[0]

    def migrate(self, request: Any, view: Any, memory: Any, ctx: Any) -> Any:
        return None


def test_hooks_that_had_nothing_to_decide_are_said(tmp_path: Path) -> None:
    idle = run(EveryHook(), one_task(tmp_path)).idle
    assert [sentence.split()[2] for sentence in idle] == ["place", "order", "retry", "transfer", "migrate"]
    busy = run(EveryHook(), TREE).idle
    assert {"place", "retry"}.isdisjoint(sentence.split()[2] for sentence in busy)
    assert run(BUILT_IN["default"], TREE).idle == ()


def test_recorded_strategies_that_come_before_the_policy_are_said(tmp_path: Path) -> None:
    assert strategies_in_force(read_recording(one_task(tmp_path)).program) == ()
    for strategy, said in (
        ("SPREAD", "1 of 1 tasks were recorded with strategy SPREAD"),
        ({"affinity": "N0", "soft": False}, "bound to one node"),
        ({"affinity": "N0", "soft": True}, "a soft affinity"),
    ):
        (sentence,) = strategies_in_force(read_recording(one_task(tmp_path, opts={"strategy": strategy})).program)
        assert said in sentence
