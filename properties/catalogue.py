"""The named scenarios: which scope, on which program and cluster, checked for what.

A name and its parameters (policy, planted bug) are all that a trace needs to be carried out again.
"""

from __future__ import annotations

from rayproof.model.cluster import programs
from rayproof.model.cluster.assembly import ClusterParameters, assemble
from rayproof.model.graph import ClusterSpec, Program
from rayproof.model.kernel import Scenario, Statement, StatementKind
from rayproof.model.scheduler.hooks import Policy
from rayproof.model.scheduler.policies import Default, LowestEstimatedWait
from rayproof.properties.entry import Entry, Scope, Swap, equal_nodes
from rayproof.properties.gcs_entries import GCS_ENTRIES
from rayproof.properties.groups import GROUP_ENTRIES
from rayproof.properties.leases import LEASE_ENTRIES
from rayproof.properties.liveness import with_twins
from rayproof.properties.one_ray.scopes import TODAY_ENTRIES
from rayproof.properties.scenarios.actors import ACTOR_ENTRIES, LIFECYCLE_ENTRIES, MIGRATION_ENTRIES, REPLAY_ENTRIES
from rayproof.properties.scenarios.chained import CHAINED_ENTRIES
from rayproof.properties.scenarios.exercises import EXERCISE_ENTRIES
from rayproof.properties.scenarios.lineage import CONTROL_ENTRIES, LINEAGE_ENTRIES
from rayproof.properties.scenarios.objects import OBJECT_ENTRIES
from rayproof.properties.scenarios.owned_cluster import OWNED_ENTRIES
from rayproof.properties.scenarios.references import REFERENCE_ENTRIES
from rayproof.properties.scenarios.requests import REQUEST_ENTRIES
from rayproof.properties.scenarios.whole import WHOLE_ENTRIES
from rayproof.properties.scenarios.workers import WORKER_ENTRIES
from rayproof.properties.scheduling import SCHEDULING_ENTRIES
from rayproof.properties.statements.cluster import CLUSTER
from rayproof.properties.statements.runs import CLUSTER_RUNS

__all__ = ["CATALOGUE", "COMPONENTS", "ENTRIES", "Entry", "Scope", "Swap", "build", "equal_nodes"]


def _runs(scope: Scope, statements: tuple[Statement, ...]) -> tuple[Statement, ...]:
    """Claims about runs need the whole state graph in memory: they are checked where it is small."""
    return statements if scope is Scope.TINY else ()


def _cluster(
    name: str,
    program: Program,
    nodes: ClusterSpec,
    *,
    scope: Scope = Scope.TINY,
    component: str = "cluster",
    own: Policy | None = None,
    idle: tuple[str, ...] = (),
    crashes: int = 0,
    threshold: int = 1,
    workers: int | None = None,
    immediate_store: bool = True,
    task_us: int = 0,
) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        parameters = ClusterParameters(
            policy=policy or own or Default(),
            threshold=threshold,
            workers=workers,
            immediate_store=immediate_store,
            crashes=crashes,
            task_us=task_us,
            repeats=1 if policy is None else 16,
        )
        checked = (*CLUSTER, *_runs(scope, CLUSTER_RUNS))
        # What a scope must reach it reaches with its own policy; another policy owes it nothing.
        owed = tuple(s for s in checked if policy is None or s.kind is not StatementKind.SOMETIMES)
        made = assemble(name, program, nodes, parameters, owed, component=component, replace=dict(swap))
        expected = {*idle, *(() if crashes else ("a_lost_task_is_placed_again",))}
        if policy is not None:
            expected |= {s.name for s in owed if s.kind is StatementKind.LEADS_TO}
        return Scenario(**{**vars(made), "expected_idle": frozenset(expected)})

    return Entry(name, component, scope, build, True, (program, nodes))


_SIZED = 8 * 1024

_ENTRIES = (
    *GCS_ENTRIES,
    *SCHEDULING_ENTRIES,
    *GROUP_ENTRIES,
    *LEASE_ENTRIES,
    *TODAY_ENTRIES,
    *REQUEST_ENTRIES,
    _cluster("cluster-3-3-0", programs.chain(3), equal_nodes(3), idle=("tasks_find_room",)),
    _cluster("cluster-3-3-1", programs.chain(3), equal_nodes(3), crashes=1, component="lineage"),
    _cluster("cluster-wide", programs.wide(3), equal_nodes(2), threshold=0, component="scheduler"),
    _cluster("cluster-readers", programs.readers(2), equal_nodes(2), crashes=1, component="lineage"),
    _cluster("cluster-nested", programs.nested(2), equal_nodes(2), workers=3, crashes=1, component="scheduler"),
    _cluster(
        "cluster-estimates",
        programs.fan_in(2, _SIZED),
        ClusterSpec(equal_nodes(2).nodes, bandwidth_bytes_per_s=1024),
        own=LowestEstimatedWait(),
        crashes=1,
        threshold=0,
        component="scheduler",
        task_us=5_000_000,
    ),
    _cluster(
        "cluster-3-3-1-messages",
        programs.chain(3),
        equal_nodes(3),
        crashes=1,
        immediate_store=False,
        scope=Scope.SMALL,
    ),
    _cluster("cluster-3-3-2", programs.chain(3), equal_nodes(3), crashes=2, scope=Scope.SMALL, component="lineage"),
    _cluster("cluster-3-4-1", programs.diamond(), equal_nodes(3), crashes=1, scope=Scope.SMALL, component="lineage"),
    *CHAINED_ENTRIES,
    *WHOLE_ENTRIES,
    *OWNED_ENTRIES,
    *OBJECT_ENTRIES,
    *REFERENCE_ENTRIES,
    *LINEAGE_ENTRIES,
    *CONTROL_ENTRIES,
    *ACTOR_ENTRIES,
    *MIGRATION_ENTRIES,
    *LIFECYCLE_ENTRIES,
    *REPLAY_ENTRIES,
    *WORKER_ENTRIES,
    *EXERCISE_ENTRIES,
)

ENTRIES = with_twins(_ENTRIES)
"""All of them, the small ones with their claims about runs."""

CATALOGUE: dict[str, Entry] = {entry.name: entry for entry in ENTRIES}
"""Every named scenario."""

COMPONENTS = ("gcs", "scheduler", "objects", "lineage", "actors", "cluster")
"""The parts of the model that `verify` can be asked about; a part without scenarios has none yet."""


def build(name: str, policy: Policy | None = None, swap: Swap | None = None) -> Scenario:
    """A named scenario; raises `KeyError` for a name that is not in the catalogue."""
    return CATALOGUE[name].build(policy, swap or {})
