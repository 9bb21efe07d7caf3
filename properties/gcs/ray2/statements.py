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
from rayproof.model.kernel import StateView, Taken, always, audit, first, leads_to, sometimes, step

# ---- restart --------------------------------------------------------------------------------------------------------


@always(Storage, each=True, source="Ray #66073")
def every_loadable_row_is_whole(storage: Storage) -> str | None:
    """Every actor row that is not dead has its specification."""
    return first(
        f"{key} has a row without a specification"
        for (table, key), row in storage.rows.items()
        if table is Table.ACTOR and not row.is_dead and (Table.SPEC, key) not in storage.rows
    )


@always(Storage, GcsClient, source="Ray 2.60 gcs_actor_manager.cc: the callback of the write answers")
def acknowledged_rows_survive(view: StateView) -> str | None:
    """Whatever the GCS has acknowledged is in storage, even if the GCS fails."""
    for storage in view.of(Storage).values():
        for name, client in view.of(GcsClient).items():
            for request in client.done:
                match request:
                    case RegisterActor(actor):
                        if (Table.ACTOR, actor) not in storage.rows:
                            return f"{actor} was registered for {name} and has no row"
                    case FinishJob(job):
                        if storage.rows.get((Table.JOB, job)) != FINISHED:
                            return f"{name} was told that {job} is finished, its row does not say so"
    return None


@audit(GcsServer, GcsClient, source="Ray 2.60 gcs_server.cc; Ray #66073")
def a_restarted_gcs_serves_again(view: StateView) -> str | None:
    """At rest, the GCS serves requests, has written everything, and has answered everybody."""
    for name, server in view.of(GcsServer).items():
        if not server.is_serving:
            return f"{name} does not serve"
        if server.changes:
            return f"{name} has not written {len(server.changes)} changes"
    return first(f"{name} waits for an answer" for name, client in view.of(GcsClient).items() if client.todo)


@audit(GcsServer, GcsClient, Storage, source="Ray #25131")
def detached_actors_are_remembered(view: StateView) -> str | None:
    """The GCS knows every detached actor that was registered."""
    asked = [request for client in view.of(GcsClient).values() for request in client.done]
    detached = [r.actor for r in asked if isinstance(r, RegisterActor) and r.row.is_detached]
    return first(
        f"{name} does not know {actor}"
        for name, server in view.of(GcsServer).items()
        for actor in detached
        if actor not in server.actors
    )


@audit(GcsServer, Storage, source="Ray 2.60 gcs_actor_manager.cc::OnJobFinished")
def actors_of_finished_jobs_are_gone(view: StateView) -> str | None:
    """No actor that is not detached outlives its job, in memory or in storage."""
    for storage in view.of(Storage).values():
        finished = {key for table, key in storage.rows if table is Table.JOB}
        rows = [
            (key, row, "storage")
            for (table, key), row in storage.rows.items()
            if table is Table.ACTOR and not row.is_dead
        ]
        rows += [(key, row, name) for name, server in view.of(GcsServer).items() for key, row in server.actors.items()]
        for actor, row, where in rows:
            if row.job in finished and not row.is_detached:
                return f"{actor} of {row.job}, which is finished, is still in {where}"
    return None


@sometimes(Storage, GcsServer, source="Ray #66073")
def a_restart_falls_between_two_rows(view: StateView) -> str | None:
    """A restarted GCS finds the first row of a write and not the second."""
    return first(
        f"{name} finds the specification of {key} alone"
        for name, server in view.of(GcsServer).items()
        if "#" in name and not server.is_serving
        for storage in view.of(Storage).values()
        for table, key in storage.rows
        if table is Table.SPEC and (Table.ACTOR, key) not in storage.rows
    )


@sometimes(GcsServer, source="Ray 2.60 gcs_server.cc")
def a_request_waits_for_the_load(view: StateView) -> str | None:
    """Somebody asks a GCS that has not loaded its tables."""
    return first(f"{name} holds a request back" for name, server in view.of(GcsServer).items() if server.held)


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
def dead_ids_never_return(before: StateView, taken: Taken, after: StateView) -> str | None:
    """A node that was declared dead is never a member again under that id."""
    dead = {
        node
        for manager in before.of(NodeManager).values()
        for node, state in manager.nodes.items()
        if state is NodeState.DEAD
    }
    return first(
        f"{node} was dead and is a member again"
        for manager in after.of(NodeManager).values()
        for node in sorted(dead)
        if manager.nodes.get(node) is NodeState.ALIVE
    )


@audit(NodeManager, NodeAgent, source="Ray #33854; bug benchmark S4, S6")
def every_raylet_is_a_member(view: StateView) -> str | None:
    """At rest, every live raylet is a member under its present id."""
    return first(
        f"{name}/{agent.life}: "
        + ("the GCS does not count it in" if agent.is_member else "it does not take itself for a member")
        for manager in view.of(NodeManager).values()
        for name, agent in view.of(NodeAgent).items()
        if not (agent.is_member and manager.nodes.get(f"{name}/{agent.life}") is NodeState.ALIVE)
    )


@sometimes(NodeManager, NodeAgent, source="Ray 2.60 gcs_health_check_manager.cc")
def a_slow_node_is_declared_dead(view: StateView) -> str | None:
    """A raylet lives under an id that the GCS has declared dead."""
    return first(
        f"{name}/{agent.life}"
        for manager in view.of(NodeManager).values()
        for name, agent in view.of(NodeAgent).items()
        if manager.nodes.get(f"{name}/{agent.life}") is NodeState.DEAD
    )


@sometimes(NodeManager, NodeAgent, source="Ray #33854")
def a_raylet_is_forgotten(view: StateView) -> str | None:
    """A raylet takes itself for a member, and the GCS has never heard of it."""
    return first(
        f"{name}/{agent.life}"
        for manager in view.of(NodeManager).values()
        for name, agent in view.of(NodeAgent).items()
        if agent.is_member and f"{name}/{agent.life}" not in manager.nodes
    )


MEMBERS = (dead_ids_never_return, every_raylet_is_a_member, a_slow_node_is_declared_dead)
"""What is checked of membership with storage."""


FORGOTTEN = (*MEMBERS, a_raylet_is_forgotten)
"""What is checked of membership without storage."""


# ---- resource sync --------------------------------------------------------------------------------------------------


@audit(SyncServer, SyncClient, source="Ray 2.60 ray_syncer; Ray #21638; bug benchmark S9")
def views_converge(view: StateView) -> str | None:
    """At rest, the GCS and every raylet know the present state of every raylet."""
    clients = view.of(SyncClient)
    known = {name: client.view for name, client in clients.items()}
    known |= {name: server.states for name, server in view.of(SyncServer).items()}
    return first(
        f"{by} knows {states.get(name)} of {name}, which has {client.state}"
        for by, states in known.items()
        for name, client in clients.items()
        if states.get(name) != client.state
    )


@step(SyncClient, source="Ray 2.60 node_state.cc::ConsumeSyncMessage")
def versions_never_go_back(before: StateView, taken: Taken, after: StateView) -> str | None:
    """Nobody replaces a snapshot by an older one of the same raylet."""
    return first(
        f"{name} goes from {state} of {raylet} back to {client.view[raylet]}"
        for name, client in after.of(SyncClient).items()
        if (earlier := before.of(SyncClient).get(name)) is not None
        for raylet, state in earlier.view.items()
        if client.view[raylet] < state
    )


@sometimes(SyncServer, SyncClient, source="Ray #21638")
def a_new_gcs_counts_lower(view: StateView) -> str | None:
    """A restarted GCS has sent fewer broadcasts than a raylet has heard of its predecessor."""
    return first(
        f"{name} is at broadcast {server.number}, {by} has heard {client.heard[1]}"
        for name, server in view.of(SyncServer).items()
        for by, client in view.of(SyncClient).items()
        if "#" in name and 0 < server.number <= client.heard[1] and client.heard[0] != name
    )


SYNCED = (views_converge, versions_never_go_back, a_new_gcs_counts_lower)
"""What is checked of the resource sync."""


@leads_to(GcsServer, GcsClient, then=a_restarted_gcs_serves_again.check, source="Ray 2.60 gcs_server.cc; Ray #66073")
def a_gcs_serves_some_day(view: StateView) -> object:
    """A GCS that does not serve, or has not answered everybody, does so later, however often it restarts."""
    return a_restarted_gcs_serves_again.check(view)
