"""Label selectors with fallbacks: what holds of them whatever decides, and what Ray's own order of them promises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from rayproof.model.cluster.ray2 import raylet_of
from rayproof.model.graph import ClusterSpec, NodeSpec, Program, Resources, TaskId, TaskSpec
from rayproof.model.graph.labels import Labels, allowed_by, labels_of, matches, selector_of
from rayproof.model.kernel import Name, Statement, StateView, always
from rayproof.model.scheduler.ray2.lease_manager import LeaseManager
from rayproof.model.wire.ray2.leases import Decided
from rayproof.model.workers.ray2.body import Body
from rayproof.properties.cluster.ray2.scopes import program, scope, task


@always(Body, LeaseManager, source="Ray 2.60 cluster_resource_scheduler.cc, GetBestSchedulableNode; REP 2025-03-18")
def labels_are_respected(view: StateView) -> str | None:
    """A task runs on a node that its label selector or one of its fallbacks allows."""
    raylets = view.of(LeaseManager)
    seats = next((raylet.seats for raylet in raylets.values()), {})
    for body in view.of(Body).values():
        for name in body.frames:
            spec = body.program.tasks.get(name)
            if spec is not None and not allowed_by(spec.selectors, seats[body.raylet].labels):
                return f"{name} runs on {body.raylet}"
    return None


@dataclass(frozen=True, slots=True)
class Fallbacks:
    """Monitor: whether a raylet fell back while it knew of room for an earlier selector."""

    tasks: ClassVar[Mapping[TaskId, TaskSpec]] = {}
    labels: ClassVar[Mapping[Name, Labels]] = {}
    too_early: bool = False

    def observe(self, event: object) -> Self:
        """Fold one event; what was redirected obeys the raylet that sent it."""
        if not isinstance(event, Decided) or event.redirected:
            return self
        for selector in self.tasks[event.task].selectors:
            if matches(selector, self.labels[event.chosen]):
                return self
            if any(event.demand.fits(free) and matches(selector, self.labels[name]) for name, _, free in event.seen):
                return replace(self, too_early=True)
        return self


def earlier_selectors_go_first(program: Program, cluster: ClusterSpec) -> Statement:
    """The statement that the selectors of the tasks of a program are tried in their order."""
    labels = {raylet_of(i): labels_of(node) for i, node in enumerate(cluster.nodes)}
    constants = {"tasks": program.tasks, "labels": labels, "__slots__": (), "__module__": __name__}
    monitor = type(f"Fallbacks_{program.name}", (Fallbacks,), constants)

    def an_earlier_selector_goes_first(view: StateView) -> str | None:
        """No raylet falls back while it knows of a node with room that an earlier selector of the task allows."""
        return "one did" if view.monitor(monitor).too_early else None

    source = "Ray 2.60 cluster_resource_scheduler.cc, GetBestSchedulableNode: selectors are tried in their order"
    return always(source=source, monitors=(monitor,))(an_earlier_selector_goes_first)


def _labelled(*zones: str) -> ClusterSpec:
    """Nodes of one CPU, each in a zone; the driver is on the first."""
    return ClusterSpec(tuple(NodeSpec(f"n{i}", Resources.of(CPU=1), (("zone", zone),)) for i, zone in enumerate(zones)))


def _asking(each: TaskSpec, *selectors: dict[str, str]) -> TaskSpec:
    """The task with a label selector, and its fallbacks."""
    return replace(each, selectors=tuple(map(selector_of, selectors)))


_EAST_WEST = _labelled("home", "east", "west")
_RATHER_EAST = program(
    "labels",
    _asking(task("a"), {"zone": "east"}, {"zone": "in(west, south)"}),
    _asking(task("b"), {"zone": "east"}, {"zone": "in(west, south)"}),
    _asking(task("x", function="g"), {"zone": "north"}),
    waits_for=("a", "b"),
)
_EAST = _labelled("home", "east")
_EAST_ALONE = program(
    "labels_crash",
    _asking(task("a"), {"zone": "east"}, {"zone": "!east"}),
    _asking(task("x", function="g"), {"zone": "east"}),
    waits_for=("a",),
)

LABEL_ENTRIES = (
    # Two tasks would rather be in one zone, which has one CPU; one asks for a zone that is nowhere.
    scope(
        "today-labels",
        _RATHER_EAST,
        _EAST_WEST,
        labels_are_respected,
        as_ray=(earlier_selectors_go_first(_RATHER_EAST, _EAST_WEST),),
    ).sized(5_989, 19_641, 24),
    # The only node of a zone dies: what may fall back does, and what may not waits.
    scope(
        "today-labels-crash",
        _EAST_ALONE,
        _EAST,
        labels_are_respected,
        crashes=1,
        as_ray=(earlier_selectors_go_first(_EAST_ALONE, _EAST),),
    ).sized(2_563, 7_376, 22),
)
"""Scopes of label selectors."""
