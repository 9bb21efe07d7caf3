"""The named scenarios of clusters whose control state lies on chains."""

from __future__ import annotations

from dataclasses import replace

from rayproof.model.cluster import programs
from rayproof.model.cluster.assembly import ClusterParameters, assemble
from rayproof.model.gcs.shards import Chains
from rayproof.model.graph import ClusterSpec, Get, NodeSpec, ObjectSpec, Program, Put, Resources, Submit, TaskSpec
from rayproof.model.kernel import FaultKind, Scenario
from rayproof.model.scheduler.hooks import Policy
from rayproof.model.scheduler.policies import Default
from rayproof.properties.entry import Entry, Scope, Swap, equal_nodes
from rayproof.properties.statements.chained import CHAINED, a_request_waits_for_another
from rayproof.properties.statements.cluster import CLUSTER, a_lost_task_is_placed_again
from rayproof.properties.statements.replicas import one_replica_places_a_task, replicas_count_what_others_assign
from rayproof.properties.statements.runs import the_program_ends

READS_WHAT_WAS_PUT = Program(
    {"t": TaskSpec("t", ("x",), (), Resources.of(CPU=1))}, {"x": ObjectSpec("x")}, (Put("x"), Submit("t")), "put"
)
"""The driver puts an object and submits a task that reads it. Only the store can tell the task where it is."""

WITHOUT_CPU = ClusterSpec((NodeSpec("n0", Resources.of(GPU=1)), NodeSpec("n1", Resources.of(CPU=1))))
"""The driver's node cannot run the task."""


def _chained(
    name: str,
    program: Program,
    nodes: ClusterSpec,
    chains: Chains,
    *,
    crashes: int = 0,
    schedulers: int = 1,
    scope: Scope = Scope.TINY,
) -> Entry:
    # The tables are on the chains: the front end's own are empty between two requests.
    cluster = tuple(s for s in CLUSTER if s is not a_lost_task_is_placed_again)
    several = (replicas_count_what_others_assign, one_replica_places_a_task) if schedulers > 1 else ()
    # A driver that gets nothing has ended before anything happens.
    ends = (the_program_ends,) if any(isinstance(action, Get) for action in program.driver) else ()
    checked = (*cluster, *ends, *(CHAINED if chains.crashes else (a_request_waits_for_another,)), *several)

    def build(policy: Policy | None, swap: Swap) -> Scenario:
        parameters = ClusterParameters(
            policy=Default(), threshold=0, chains=chains, crashes=crashes, schedulers=schedulers
        )
        made = assemble(name, program, nodes, parameters, checked, replace=dict(swap))
        lost = {FaultKind.TRUNCATE: 1} if chains.answers_get_lost else {}
        return replace(made, faults={**made.faults, **lost})

    # A policy changes nothing here: each task has one node that it can run on, or one that is as good as the other.
    return Entry(name, "cluster", scope, build, workload=(program, nodes))


CHAINED_ENTRIES = (
    _chained("cluster-chain", READS_WHAT_WAS_PUT, WITHOUT_CPU, Chains(1)),
    _chained("cluster-two-chains", READS_WHAT_WAS_PUT, WITHOUT_CPU, Chains(2)),
    _chained("cluster-chain-get", programs.wide(1), WITHOUT_CPU, Chains(1)),
    _chained("cluster-chain-1", programs.wide(1), equal_nodes(2), Chains(1), crashes=1),
    _chained("cluster-chain-schedulers", READS_WHAT_WAS_PUT, WITHOUT_CPU, Chains(1, crashes=0), schedulers=2),
    _chained("cluster-chain-lost", READS_WHAT_WAS_PUT, WITHOUT_CPU, Chains(1, 3, 1, True), scope=Scope.SMALL),
)
"""A replica of one chain may crash, of either of two, or a replica or a node; the third gets a result from afar.

Then there are two global schedulers, of which one places and the other hears of it; and a replica whose last word is
lost with it.
"""
