"""The hooks beside `place`: any one of them alone is a policy; what each may break, and who is to blame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from rayproof.check.verdict import policy_scenarios
from rayproof.errors import InputError
from rayproof.model.actors.scenarios import migration
from rayproof.model.graph import Default, Resources
from rayproof.model.kernel import Verdict, combine, explore
from rayproof.model.scheduler.policy.built_in import DefaultPolicy, with_defaults
from rayproof.model.scheduler.policy.hooks import NodeView, TaskView
from rayproof.model.scheduler.policy.move_hooks import MoveActor
from rayproof.model.scheduler.policy.queue_hooks import LocalView
from rayproof.policies import load_policy
from rayproof.properties.actors.statements import MIGRATION
from rayproof.properties.catalogue import CATALOGUE, ENTRIES
from rayproof.properties.entry import Edition, Scope
from rayproof.properties.objects.ray2.transfers import urgent_objects_go_first
from rayproof.supervised.loading import loaded
from tests.shared_data import EXAMPLES

MIGRATIONS = ("migration", "migration-source-dies", "migration-target-dies")


def example(name: str) -> Any:
    return load_policy(str(EXAMPLES / "policies" / f"{name}.py")).policy


@dataclass(frozen=True)
class Moves:
    """Answers every request with one move, as often as it is asked."""

    actor: str
    to: str

    def migrate(self, request: Any, view: Any, memory: Any, ctx: Any) -> Any:
        return MoveActor(self.actor, self.to)


def broken_by(policy: object, scope: str = "migration") -> str:
    violation = explore(CATALOGUE[scope].build(with_defaults(policy), {})).violation
    return "" if violation is None else violation.statement


# ---- migrate ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", MIGRATIONS)
def test_method_one_makes_room_by_a_move(scope: str) -> None:
    assert explore(CATALOGUE[scope].build(example("backoff_and_migration"), {})).verdict is Verdict.HOLDS


def test_a_move_that_makes_no_room_leaves_the_new_actor_outside() -> None:
    @dataclass(frozen=True)
    class Never:
        def migrate(self, request: Any, view: Any, memory: Any, ctx: Any) -> Any:
            return None

    assert broken_by(Never()) == "the_new_actor_has_its_place"


def test_an_actor_that_is_moved_to_and_fro_comes_to_rest() -> None:
    @dataclass(frozen=True)
    class Shuttles:
        def migrate(self, request: Any, view: Any, memory: Any, ctx: Any) -> Any:
            small = next(actor for actor in view.actors if actor.name == "small")
            return MoveActor("small", "node2" if small.host == "node1" else "node1")

    scenario = migration(
        "shuttle",
        {"large": 100, "small": 20, "x": 10, "y": 10},
        {"node1": ("small", "x"), "node2": ("y",)},
        "large",
        "small",
        MIGRATION,
        methods=1,
        policy=Shuttles(),
    )
    broken = {s.name for s in MIGRATION if explore(scenario, (s,)).verdict is Verdict.VIOLATED}
    assert broken == {"the_new_actor_has_its_place"}


def test_a_move_to_a_full_host_is_seen() -> None:
    assert broken_by(Moves("actor1", "node2")) == "hosts_are_not_overfull"


@pytest.mark.parametrize("move", [("nobody", "node2"), ("actor2", "node1"), ("actor2", "nowhere")])
def test_an_impossible_move_is_the_policys_error(move: tuple[str, str]) -> None:
    assert broken_by(Moves(*move)) == "legal_answer"


def test_an_answer_of_another_kind_is_the_policys_error() -> None:
    @dataclass(frozen=True)
    class Speaks:
        def migrate(self, request: Any, view: Any, memory: Any, ctx: Any) -> Any:
            return "actor2"

    assert broken_by(Speaks()) == "answer_type"


# ---- transfer --------------------------------------------------------------------------------------------------------


def test_the_priority_queue_sends_what_is_urgent_first_and_whole() -> None:
    scenario = CATALOGUE["transfer-urgent"].build(example("priority_transfer"), {})
    assert explore(scenario).verdict is Verdict.HOLDS
    assert explore(scenario, (urgent_objects_go_first,)).verdict is Verdict.HOLDS


def test_first_come_first_served_lets_the_urgent_wait() -> None:
    result = explore(CATALOGUE["transfer-urgent"].build(None, {}), (urgent_objects_go_first,))
    assert result.verdict is Verdict.VIOLATED


def test_urgent_objects_that_break_in_hold_up_what_has_begun() -> None:
    urgent_first = loaded(str(EXAMPLES / "policies" / "priority_transfer.py"))
    assert broken_by(replace(urgent_first, whole=False), "transfer-urgent") == "no_inversion_of_transfers"


def test_what_is_not_in_the_queue_cannot_be_sent() -> None:
    @dataclass(frozen=True)
    class Invents:
        def transfer(self, queue: Any, view: Any, memory: Any, ctx: Any) -> Any:
            return replace(queue[0], priority=99)

    assert broken_by(Invents(), "transfer-urgent") == "legal_answer"


# ---- any of them -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("edition", [Edition.PAPER, Edition.RAY2])
def test_a_policy_is_checked_where_it_decides_something(edition: Edition) -> None:
    tiny = [entry for entry in ENTRIES if entry.takes_policy and entry.scope is Scope.TINY]
    placing = {entry.name for entry in tiny if not entry.hook and entry.edition in (edition, Edition.BOTH)}
    assert placing and {entry.name for entry in policy_scenarios(DefaultPolicy(), edition)} == placing
    more = {entry.name for entry in policy_scenarios(example("priority_transfer"), edition)} - placing
    assert more == {"transfer-two-chunks", "transfer-two-pulls", "transfer-urgent", "today-transfer"}
    moving = {entry.name for entry in policy_scenarios(example("backoff_and_migration"), edition)} - placing
    assert moving == {*MIGRATIONS, "migration-coordinator-dies"}


@pytest.mark.parametrize("edition", [Edition.PAPER, Edition.RAY2])
def test_an_order_is_asked_about_several_tasks_in_every_edition(edition: Edition) -> None:
    """Otherwise a policy whose only hook it is would hold whatever it answers."""

    class Nobody:
        name = "nobody"

        def order(self, queue: Any, view: Any, memory: Any, ctx: Any) -> Any:
            return queue[0].id if len(queue) < 2 else "nobody"

    policy = with_defaults(Nobody())
    scenarios = sorted(policy_scenarios(policy, edition), key=lambda entry: entry.hook != "order")
    found = (explore(entry.build(policy, {})).violation for entry in scenarios)
    assert next(filter(None, found)).sentence == "policy nobody ordered 'nobody', which cannot start now"


def test_a_policy_with_one_hook_places_as_default_does(tmp_path: Path) -> None:
    file = tmp_path / "late.py"
    file.write_text("class Late:\n    def order(self, queue, view, memory, ctx):\n        return queue[-1].id\n")
    policy = load_policy(str(file)).policy
    for name in ("sched-affinity", "sched-spread"):
        own = explore(CATALOGUE[name].build(policy, {}))
        usual = explore(CATALOGUE[name].build(DefaultPolicy(), {}))
        assert (own.verdict, own.states, own.transitions) == (usual.verdict, usual.states, usual.transitions)
    assert combine([own.verdict]) is Verdict.HOLDS


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("class Typo:\n    def palce(self, task, view, memory, ctx): ...\n", "classes with a hook: none"),
        ("policy = 7\n", "int has no hook"),
        ("class Old:\n    def place(self, task, view): ...\n", "place cannot be called"),
        ("class Flat:\n    order = 3\n", "order of Flat is not a method"),
        ("class A:\n    def order(self, *a): ...\nclass B:\n    def retry(self, *a): ...\n", "hook: A, B"),
    ],
)
def test_what_is_no_policy_is_refused_with_what_was_expected(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(text)
    with pytest.raises(InputError, match=complaint):
        load_policy(str(file))


def test_amounts_in_a_view_are_those_that_a_user_writes() -> None:
    node = NodeView("raylet0", "n0", 0, Resources.of(CPU=1, GPU=0.5), (), {"CPU": 5_000}, 0, 0, 0.5, True)
    assert node.total["CPU"] == 1.0 and node.total["GPU"] == 0.5 and node.total["TPU"] == 0.0
    assert dict(node.available) == {"CPU": 0.5} and node.fits_now(Resources.of(CPU=0.5))
    local = LocalView("raylet0", {"CPU": 20_000}, 0)
    assert local.available["CPU"] == 2.0
    task = TaskView("t", "f", Resources.of(CPU=2), (), Default(), False)
    assert task.demand["CPU"] == 2.0
