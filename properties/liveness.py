"""Which scopes are checked for the twins of their audits, and for coming to rest.

Claims about runs need the whole state graph: they are checked in small scopes, one or two for each thing that can hang.
Left out: `chain-stale`. There a client may ask any of several for the configuration, a choice owes nothing, and so it
may ask one that is behind for ever. Nor `pubsub-1-1`: a subscriber asks for as long as it lives, and never rests. Where
the statements of a room name the twin of an audit, it is not claimed a second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from rayproof.model.kernel import Scenario, Statement
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.swap import Swap
from rayproof.properties.actors import statements as migration
from rayproof.properties.actors.ray2 import statements as actors
from rayproof.properties.actors.ray2.lifecycle import statements as lifecycle
from rayproof.properties.cluster.paper.statements import eventual_scheduling
from rayproof.properties.cluster.ray2 import statements as today
from rayproof.properties.cluster.ray2.groups import statements as groups
from rayproof.properties.entry import Entry
from rayproof.properties.gcs.chain import statements as chain
from rayproof.properties.gcs.paper import statements as tables
from rayproof.properties.gcs.ray2 import statements as server
from rayproof.properties.lineage.paper import statements as control
from rayproof.properties.lineage.ray2 import statements as ownership
from rayproof.properties.lineage.ray2.workers import statements as workers
from rayproof.properties.objects.ray2 import statements as objects
from rayproof.properties.objects.ray2.references import statements as references
from rayproof.properties.scheduler.paper import statements as scheduling
from rayproof.properties.twins import comes_to_rest, some_day

_READS = (references.every_read_ends_in_value_or_error, references.unreachable_objects_are_freed)

TWINS: Mapping[str, tuple[Statement, ...]] = {
    "chain-retries": (chain.every_request_is_answered,),
    "chain-extension": (chain.every_request_is_answered,),
    "chain-suspicion": (chain.every_request_is_answered,),
    "shards-2": (tables.every_operation_ends,),
    "flushing-1-2": (),
    "gcs-restart-1-1-1": (server.actors_of_finished_jobs_are_gone,),
    "gcs-membership-1": (server.every_raylet_is_a_member,),
    "sched-classes": (scheduling.every_request_answered, eventual_scheduling),
    "sched-affinity": (scheduling.every_request_answered, eventual_scheduling),
    "sched-infeasible": (scheduling.every_request_answered, eventual_scheduling),
    "today-group-removed": (groups.no_bundle_leaks, groups.every_group_that_fits_is_created),
    "today-group-crash": (groups.no_bundle_leaks, groups.every_group_that_fits_is_created),
    "today-group-two": (groups.no_bundle_leaks, groups.every_group_that_fits_is_created),
    "today-group-halves": (groups.no_bundle_leaks,),
    "today-plain": (today.no_body_waits_for_ever, today.every_worker_comes_back),
    "today-drain": (today.no_body_waits_for_ever, today.every_worker_comes_back),
    "today-classes": (today.no_body_waits_for_ever, today.every_worker_comes_back),
    "store-two-makers": (objects.every_get_ends_in_value_or_error, objects.pins_return_to_zero),
    "store-failing-disk": (objects.every_get_ends_in_value_or_error, objects.no_circular_wait_through_memory),
    "transfer-two-chunks": (objects.every_get_ends_in_value_or_error, objects.pins_return_to_zero),
    "transfer-two-pulls": (objects.every_get_ends_in_value_or_error, objects.pins_return_to_zero),
    "references-borrower-dies": (
        references.every_read_ends_in_value_or_error,
        references.unreachable_objects_are_freed,
    ),
    "references-nested": (references.every_read_ends_in_value_or_error, references.unreachable_objects_are_freed),
    "lineage-put": (ownership.every_get_ends_in_value_or_error, ownership.no_lost_objects),
    "lineage-owner-dies": (ownership.every_get_ends_in_value_or_error, ownership.no_orphans),
    "control-chain": (control.every_get_ends_in_value_or_error,),
    "attempts-cancel": (workers.every_task_ends,),
    "stream": (workers.every_wish_is_fulfilled,),
    "actor-dies": (actors.every_call_ends_in_value_or_error,),
    "actor-lost-reply": (actors.every_call_ends_in_value_or_error,),
    "migration": (migration.every_call_ends_in_value_or_error, migration.the_new_actor_has_its_place),
    "migration-target-dies": (migration.every_call_ends_in_value_or_error, migration.nothing_stays_frozen),
    "lifecycle-owner-dies": (lifecycle.no_worker_leaks, lifecycle.actors_end_with_their_owner),
    "lifecycle-churn": (lifecycle.no_worker_leaks, lifecycle.living_actors_have_one_worker),
}
"""Scenario -> the audits whose twins are checked there; all these must come to rest as well."""


def with_twins(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The entries, those of `TWINS` with their claims about runs; another policy owes no claim about runs."""
    return tuple(_with(entry, TWINS[entry.name]) if entry.name in TWINS else entry for entry in entries)


def _with(entry: Entry, audits: tuple[Statement, ...]) -> Entry:
    runs = (*map(some_day, audits), comes_to_rest)

    def build(policy: Policy | None, swap: Swap) -> Scenario:
        made = entry.build(policy, swap)
        return made if policy is not None else replace(made, statements=(*made.statements, *runs))

    return replace(entry, build=build)
