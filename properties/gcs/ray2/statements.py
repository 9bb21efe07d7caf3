"""What must hold of today's GCS: restart, membership, resource sync."""

from __future__ import annotations

from rayproof.model.gcs.followers import NodeState
from rayproof.model.gcs.ray2.membership import NodeAgent, NodeManager
from rayproof.model.gcs.ray2.server import (
    FINISHED,
    FinishJob,
    GcsClient,
    GcsServer,
    RegisterActor,
    Storage,
    Table,
)
from rayproof.model.gcs.ray2.syncer import SyncClient, SyncServer
from rayproof.model.kernel import StateView, Taken, always, audit, leads_to, sometimes, step

# ---- restart --------------------------------------------------------------------------------------------------------


@always(Storage, each=True, source="Ray #66073")
def every_loadable_row_is_whole(storage: Storage) -> bool:
    """Every actor row that is not dead has its specification."""
    return all(
        table is not Table.ACTOR or row.is_dead or (Table.SPEC, key) in storage.rows
        for (table, key), row in storage.rows.items()
    )


@always(Storage, GcsClient, source="Ray 2.60 gcs_actor_manager.cc: the callback of the write answers")
def acknowledged_rows_survive(view: StateView) -> bool:
    """What was answered is in storage, whatever becomes of the GCS."""
    for storage in view.of(Storage).values():
        for client in view.of(GcsClient).values():
            for request in client.done:
                match request:
                    case RegisterActor(actor):
                        if (Table.ACTOR, actor) not in storage.rows:
                            return False
                    case FinishJob(job):
                        if storage.rows.get((Table.JOB, job)) != FINISHED:
                            return False
    return True


@audit(GcsServer, GcsClient, source="Ray 2.60 gcs_server.cc; Ray #66073")
def a_restarted_gcs_serves_again(view: StateView) -> bool:
    """The GCS that is there at the end serves, has written everything, and has answered everybody."""
    servers, clients = view.of(GcsServer).values(), view.of(GcsClient).values()
    return all(server.is_serving and not server.changes for server in servers) and not any(c.todo for c in clients)


@audit(GcsServer, GcsClient, Storage, source="Ray #25131")
def detached_actors_are_remembered(view: StateView) -> bool:
    """The GCS knows every detached actor that was registered."""
    asked = [request for client in view.of(GcsClient).values() for request in client.done]
    detached = [r.actor for r in asked if isinstance(r, RegisterActor) and r.row.is_detached]
    return all(actor in server.actors for server in view.of(GcsServer).values() for actor in detached)


@audit(GcsServer, Storage, source="Ray 2.60 gcs_actor_manager.cc::OnJobFinished")
def actors_of_finished_jobs_are_gone(view: StateView) -> bool:
    """No actor that is not detached outlives its job, in memory or in storage."""
    for storage in view.of(Storage).values():
        finished = {key for table, key in storage.rows if table is Table.JOB}
        rows = [row for (table, _), row in storage.rows.items() if table is Table.ACTOR and not row.is_dead]
        rows += [row for server in view.of(GcsServer).values() for row in server.actors.values()]
        if any(row.job in finished and not row.is_detached for row in rows):
            return False
    return True


@sometimes(Storage, GcsServer, source="Ray #66073")
def a_restart_falls_between_two_rows(view: StateView) -> bool:
    """A restarted GCS finds the first row of a write and not the second."""
    return any(
        "#" in name and not server.is_serving and table is Table.SPEC and (Table.ACTOR, key) not in storage.rows
        for name, server in view.of(GcsServer).items()
        for storage in view.of(Storage).values()
        for table, key in storage.rows
    )


@sometimes(GcsServer, source="Ray 2.60 gcs_server.cc")
def a_request_waits_for_the_load(view: StateView) -> bool:
    """Somebody asks a GCS that has not loaded its tables."""
    return any(server.held for server in view.of(GcsServer).values())


RESTARTED = (
    every_loadable_row_is_whole,
    acknowledged_rows_survive,
    a_restarted_gcs_serves_again,
    detached_actors_are_remembered,
    actors_of_finished_jobs_are_gone,
    a_restart_falls_between_two_rows,
    a_request_waits_for_the_load,
)
"""What is checked of tables in storage."""


# ---- membership -----------------------------------------------------------------------------------------------------


@step(NodeManager, source="Ray 2.60 gcs_node_manager.cc; Ray #11423")
def dead_ids_never_return(before: StateView, taken: Taken, after: StateView) -> bool:
    """A node that was declared dead is never a member again under that id."""
    dead = {
        node
        for manager in before.of(NodeManager).values()
        for node, state in manager.nodes.items()
        if state is NodeState.DEAD
    }
    return not any(
        manager.nodes.get(node) is NodeState.ALIVE for manager in after.of(NodeManager).values() for node in dead
    )


@audit(NodeManager, NodeAgent, source="Ray #33854; bug benchmark S4, S6")
def every_raylet_is_a_member(view: StateView) -> bool:
    """When all is quiet, every live raylet has an id that the GCS counts in."""
    return all(
        agent.is_member and manager.nodes.get(f"{name}/{agent.life}") is NodeState.ALIVE
        for manager in view.of(NodeManager).values()
        for name, agent in view.of(NodeAgent).items()
    )


@sometimes(NodeManager, NodeAgent, source="Ray 2.60 gcs_health_check_manager.cc")
def a_slow_node_is_declared_dead(view: StateView) -> bool:
    """A raylet lives under an id that the GCS has declared dead."""
    return any(
        manager.nodes.get(f"{name}/{agent.life}") is NodeState.DEAD
        for manager in view.of(NodeManager).values()
        for name, agent in view.of(NodeAgent).items()
    )


@sometimes(NodeManager, NodeAgent, source="Ray #33854")
def a_raylet_is_forgotten(view: StateView) -> bool:
    """A raylet takes itself for a member, and the GCS has never heard of it."""
    return any(
        agent.is_member and f"{name}/{agent.life}" not in manager.nodes
        for manager in view.of(NodeManager).values()
        for name, agent in view.of(NodeAgent).items()
    )


MEMBERS = (dead_ids_never_return, every_raylet_is_a_member, a_slow_node_is_declared_dead)
"""What is checked of membership with storage."""


FORGOTTEN = (*MEMBERS, a_raylet_is_forgotten)
"""What is checked of membership without storage."""


# ---- resource sync --------------------------------------------------------------------------------------------------


@audit(SyncServer, SyncClient, source="Ray 2.60 ray_syncer; Ray #21638; bug benchmark S9")
def views_converge(view: StateView) -> bool:
    """When all is quiet, what the GCS and every raylet know of a raylet is what that one has."""
    clients = view.of(SyncClient)
    known = [client.view for client in clients.values()]
    known += [server.states for server in view.of(SyncServer).values()]
    return all(states.get(name) == client.state for states in known for name, client in clients.items())


@step(SyncClient, source="Ray 2.60 node_state.cc::ConsumeSyncMessage")
def versions_never_go_back(before: StateView, taken: Taken, after: StateView) -> bool:
    """Nobody replaces a snapshot by an older one of the same raylet."""
    return all(
        client.view[raylet] >= state
        for name, client in after.of(SyncClient).items()
        if (earlier := before.of(SyncClient).get(name)) is not None
        for raylet, state in earlier.view.items()
    )


@sometimes(SyncServer, SyncClient, source="Ray #21638")
def a_new_gcs_counts_lower(view: StateView) -> bool:
    """A restarted GCS has sent fewer broadcasts than a raylet has heard of its predecessor."""
    return any(
        "#" in name and 0 < server.number <= client.heard[1] and client.heard[0] != name
        for name, server in view.of(SyncServer).items()
        for client in view.of(SyncClient).values()
    )


SYNCED = (views_converge, versions_never_go_back, a_new_gcs_counts_lower)
"""What is checked of the resource sync."""


def _everybody_is_served(view: StateView) -> bool:
    return bool(a_restarted_gcs_serves_again.check(view))


@leads_to(GcsServer, GcsClient, then=_everybody_is_served, source="Ray 2.60 gcs_server.cc; Ray #66073")
def a_gcs_serves_some_day(view: StateView) -> bool:
    """A GCS that does not serve, or has not answered everybody, does so later, however often it restarts."""
    return not a_restarted_gcs_serves_again.check(view)
