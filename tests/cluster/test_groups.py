"""Placement groups on today's Ray: exhausted scopes, planted bugs, and what is known of a group under its tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from rayproof.check.simulation import BANDWIDTH, Decides, Settings, prepare
from rayproof.check.today import TodayMeasures, run_today
from rayproof.model.graph import BundleStrategy, GroupSpec, Resources
from rayproof.model.kernel import Verdict, explore
from rayproof.model.scheduler.policy.built_in import BUILT_IN, with_defaults
from rayproof.model.scheduler.policy.hooks import ClusterView, TaskView
from rayproof.model.scheduler.ray2.group_manager import GroupManager
from rayproof.model.wire.ray2.groups import BundleCommitted, BundleReturned
from rayproof.properties.bugs import Bug
from rayproof.properties.catalogue import CATALOGUE
from rayproof.properties.cluster.ray2.groups.bugs import GROUP_BUGS
from rayproof.properties.cluster.ray2.groups.scopes import GROUP_ENTRIES
from rayproof.properties.entry import Edition, Entry
from rayproof.recordings import read_recording
from tests.scopes import check_killed

RECORDED = Path(__file__).parents[1] / "live" / "recordings" / "placement_groups.jsonl"

KNOWN = {
    "today-group-halves": "groups_do_not_wait_for_each_other",
    "today-group-running": "tasks_end_with_their_group",
    "today-group-once": "tasks_end_with_their_group",
    "today-group-actor": "tasks_end_with_their_group",
    "today-group-actor-restarts": "tasks_end_with_their_group",
}


@pytest.mark.parametrize("entry", GROUP_ENTRIES, ids=lambda entry: entry.name)
def test_only_what_is_known_of_ray_is_broken(entry: Entry) -> None:
    result = explore(CATALOGUE[entry.name].build(None, {}))
    broken = {s.name for s in result.statements if s.verdict is not Verdict.HOLDS}
    assert broken == {KNOWN[entry.name]} if entry.name in KNOWN else not broken
    assert result.verdict is (Verdict.KNOWN if entry.name in KNOWN else Verdict.HOLDS)


@pytest.mark.parametrize("bug", GROUP_BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_killed(bug: Bug) -> None:
    check_killed(bug)


class OnlyOutside:
    """A policy that is asked of the task outside of any group alone."""

    name = "only_outside"

    def place(self, task: TaskView, view: ClusterView, memory: object, ctx: object) -> str:
        assert task.id == "t"
        return view.options[-1].name


def test_tasks_in_bundles_obey_ray_whatever_policy_decides() -> None:
    result = explore(CATALOGUE["today-bundles"].build(with_defaults(OnlyOutside()), {}))
    assert result.verdict is Verdict.HOLDS and result.states > 1000


@pytest.mark.parametrize("decides", Decides)
def test_recorded_groups_are_made_and_given_up_where_they_were(decides: Decides) -> None:
    recording = read_recording(RECORDED)
    places: list[tuple[str, str, str]] = []

    class Watching(TodayMeasures):
        def observe(self, now: int, event: object) -> None:
            if isinstance(event, BundleCommitted | BundleReturned):
                places.append((type(event).__name__, f"{event.group}[{event.bundle}]", event.node))
            super().observe(now, event)

    ready = prepare(recording, None)
    measures = Watching(ready.program, ready.cluster, recording.setup, 0)
    settings = Settings(BANDWIDTH[Edition.RAY2], 0, 0, decides=decides)
    result, _ = run_today(ready, BUILT_IN["least_load"], settings, 0, measures, None)
    assert result.rested and not measures.unfinished()
    seats = {node.id: f"bundles{number}" for number, node in enumerate(recording.cluster.nodes)}
    bundles = [
        (f"{group.id}[{i}]", seats[node or ""]) for group in recording.groups for i, node in enumerate(group.nodes)
    ]
    # The first group is given up before the second is made; each goes where the recording has it.
    first, second = set(bundles[:2]), set(bundles[2:])
    for at, (kind, expected) in enumerate(
        (("BundleCommitted", first), ("BundleReturned", first), ("BundleCommitted", second), ("BundleReturned", second))
    ):
        found = places[2 * at : 2 * at + 2]
        assert {(bundle, node) for what, bundle, node in found if what == kind} == expected


def test_a_bundle_goes_where_it_was_while_there_is_room() -> None:
    one, two = Resources.of(CPU=1), Resources.of(CPU=2)
    group = GroupSpec("g", (one, one), BundleStrategy.PACK)
    manager = GroupManager(groups={"g": group}, totals=(), reserved=(("g", ("b", "b")),))
    manager.placed["g"] = {}
    for free, places in ((two, ("b", "b")), (one, ("a", "a"))):
        manager.nodes = {"a": (two, Resources()), "b": (free, Resources())}
        assert manager.choose("g", [0, 1]).nodes == places
