"""Clusters of today's Ray: exhausted scopes, planted bugs, and policies that decide in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rayproof.model.kernel import Verdict, campaign, explore
from rayproof.model.scheduler.policy.built_in import BUILT_IN, with_defaults
from rayproof.policies import load_policy
from rayproof.properties.bugs import Bug
from rayproof.properties.catalogue import CATALOGUE
from rayproof.properties.cluster.ray2.bugs import TODAY_BUGS
from rayproof.properties.cluster.ray2.fault_bugs import FAULT_BUGS
from rayproof.properties.cluster.ray2.groups.scopes import GROUP_ENTRIES
from rayproof.properties.cluster.ray2.scopes import TODAY_ENTRIES
from rayproof.properties.entry import Edition
from rayproof.properties.twins import SUFFIX
from rayproof.verify import verify
from tests.scopes import check_killed

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "policies"
POLICED = [entry.name for entry in (*TODAY_ENTRIES, *GROUP_ENTRIES) if entry.takes_policy]


def test_every_scope_is_pinned_and_of_todays_edition() -> None:
    assert all(entry.size is not None for entry in TODAY_ENTRIES)
    assert all(entry.edition is Edition.RAY2 for entry in TODAY_ENTRIES)


def test_work_that_keeps_the_scarce_bundle_is_known_of_ray() -> None:
    result = explore(CATALOGUE["today-bundle-gpu"].build(None, {}))
    assert (result.verdict, result.states) == (Verdict.KNOWN, 382)


@pytest.mark.parametrize("bug", (*TODAY_BUGS, *FAULT_BUGS), ids=lambda bug: bug.name)
def test_a_planted_bug_is_killed(bug: Bug) -> None:
    check_killed(bug)


@pytest.mark.parametrize("name", ["today-crash", "today-actor-crash", "today-nested"])
def test_walks_meet_no_violation(name: str) -> None:
    assert campaign(CATALOGUE[name].build(None, {}), 200, 0).violation is None


@pytest.mark.parametrize("spec", ["least_load", "spread", str(EXAMPLES / "spread_with_locality.py")])
def test_a_correct_policy_keeps_every_statement_that_is_owed(spec: str) -> None:
    policy = load_policy(spec).policy
    for name in POLICED:
        assert explore(CATALOGUE[name].build(policy, {})).verdict is Verdict.HOLDS, name


@pytest.mark.parametrize(
    ("file", "rule"),
    [
        ("bad_always_waits", "no_body_waits_for_ever"),
        ("bad_answer_type", "answer_type"),
        ("bad_dead_node", "legal_answer"),
        ("bad_hidden_randomness", "deterministic"),
        ("bad_raises", "no_exception"),
    ],
)
def test_a_bad_policy_is_refused(file: str, rule: str) -> None:
    loaded = load_policy(str(EXAMPLES / f"{file}.py"))
    entries = [CATALOGUE[name] for name in POLICED]
    done = verify(entries, policy=loaded.policy, policy_spec=loaded.spec)
    assert {one.result.violation.statement for one in done if one.result.violation is not None} == {rule}


class Newest:
    """Sends what was asked for last."""

    name = "newest"

    def transfer(self, queue: Any, view: Any, memory: Any, ctx: Any) -> Any:
        return queue[-1]


class Nothing:
    """Sends nothing."""

    name = "nothing"

    def transfer(self, queue: Any, view: Any, memory: Any, ctx: Any) -> Any:
        return None


def test_the_order_of_transfers_is_the_proposals() -> None:
    kept = explore(CATALOGUE["today-transfer"].build(with_defaults(Newest()), {}))
    broken = explore(CATALOGUE["today-transfer"].build(with_defaults(Nothing()), {})).violation
    assert kept.verdict is Verdict.HOLDS and broken is not None and broken.statement == "legal_answer"


def test_what_ray_promises_of_its_own_policy_is_not_owed_by_another() -> None:
    own = {s.name for s in CATALOGUE["today-plain"].build(None, {}).statements}
    other = {s.name for s in CATALOGUE["today-plain"].build(BUILT_IN["least_load"], {}).statements}
    assert {each for each in own - other if not each.endswith(SUFFIX)} == {
        "a_fit_on_the_idle_own_node_is_kept",
        "the_less_used_node_goes_first",
        "nothing_is_given_up",
        "some_task_leaves_its_driver",
        "comes_to_rest",
    }
