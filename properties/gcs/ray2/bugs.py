"""Planted bugs of today's GCS: restart, membership, resource sync."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rayproof.model.gcs.followers import NodeState
from rayproof.model.gcs.ray2.membership import NodeAgent, NodeId, NodeManager
from rayproof.model.gcs.ray2.server import (
    ActorRow,
    Change,
    Done,
    GcsServer,
    Load,
    Request,
    Storage,
    Table,
)
from rayproof.model.gcs.ray2.syncer import State, SyncClient
from rayproof.model.kernel import Context, Down, Message, Name, Unreachable
from rayproof.properties.bug import Bug


@dataclass(slots=True)
class DeletesOnlyTheSpecification(GcsServer):
    """A loaded actor whose job is over loses its specification and keeps its row."""

    def load_actor(self, ctx: Context, actor: str, row: ActorRow) -> None:
        if row.job in self.jobs and not row.is_detached:
            self.change(ctx, Change(((Table.SPEC, actor, None),)))
        else:
            self.actors[actor] = row


@dataclass(slots=True)
class ForgetsDetachedActors(GcsServer):
    """Loading skips every actor whose job is over."""

    def load_actor(self, ctx: Context, actor: str, row: ActorRow) -> None:
        if row.job not in self.jobs or not row.is_detached:
            GcsServer.load_actor(self, ctx, actor, row)


@dataclass(slots=True)
class KeepsActorsOfFinishedJobs(GcsServer):
    """Loading takes every actor as it is stored."""

    def load_actor(self, ctx: Context, actor: str, row: ActorRow) -> None:
        self.actors[actor] = row


@dataclass(slots=True)
class WritesTheRowFirst(GcsServer):
    """An actor's row is written before its specification."""

    def change(self, ctx: Context, change: Change) -> None:
        is_registration = len(change.rows) == 2 and change.request is not None
        rows = change.rows[::-1] if is_registration else change.rows
        GcsServer.change(self, ctx, replace(change, rows=rows))


@dataclass(slots=True)
class AnswersBeforeStorageDoes(GcsServer):
    """A request is answered when its write is sent."""

    def serve(self, ctx: Context, asker: Name, request: Request) -> None:
        GcsServer.serve(self, ctx, asker, request)
        ctx.send(asker, Done(request))


@dataclass(slots=True)
class GivesUpFailedWrites(GcsServer):
    """Nothing follows a write that has failed."""

    def written(self, ctx: Context, succeeded: bool) -> None:
        if succeeded:
            GcsServer.written(self, ctx, succeeded)


@dataclass(slots=True)
class TakesLateWrites(Storage):
    """Writes of a server that has been replaced still count."""

    def is_served(self, server: Name) -> bool:
        return True


@dataclass(slots=True)
class TrustsTheChannel(NodeAgent):
    """A connection that works is taken for membership."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        if not (self.is_member and isinstance(message, Down | Unreachable)):
            NodeAgent.receive(self, ctx, sender, message)


@dataclass(slots=True)
class IgnoresItsOwnDeath(NodeAgent):
    """A raylet that is told that it is dead goes on."""

    def told(self, ctx: Context, is_member: bool) -> None:
        self.is_member = True


@dataclass(slots=True)
class ComesBackUnderTheSameId(NodeAgent):
    """A raylet that is told that it is dead registers again as it was."""

    def told(self, ctx: Context, is_member: bool) -> None:
        self.is_member = is_member
        if not is_member:
            self.start(ctx)


@dataclass(slots=True)
class RegistersTheDead(NodeManager):
    """A dead node that registers is a member again."""

    def register(self, ctx: Context, raylet: Name, node: NodeId) -> None:
        if self.nodes.get(node) is NodeState.DEAD:
            self.put(node, NodeState.ALIVE)
            self.unanswered[node] = 0
        NodeManager.register(self, ctx, raylet, node)


@dataclass(slots=True)
class ComparesBroadcastsAcrossServers(SyncClient):
    """The count of a restarted GCS is compared with that of its predecessor."""

    def is_new(self, publisher: Name, number: int) -> bool:
        return number > self.heard[1]


@dataclass(slots=True)
class LastBroadcastCounts(SyncClient):
    """Whatever a broadcast says replaces what was known."""

    def keep(self, raylet: Name, state: State) -> None:
        self.view[raylet] = state


@dataclass(slots=True)
class ReportsOnce(SyncClient):
    """Nothing is reported again to a restarted GCS."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        if not isinstance(message, Down):
            SyncClient.receive(self, ctx, sender, message)


_RESTART = "gcs-restart-1-1-1"


@dataclass(slots=True)
class LoadsUntilAllIsWhole(GcsServer):
    """A GCS that finds a specification without its row loads again, waiting for somebody to write the row."""

    def load(self, ctx: Context, rows: tuple[tuple[tuple[Table, str], ActorRow], ...]) -> None:
        stored = dict(rows)
        if any(table is Table.SPEC and (Table.ACTOR, key) not in stored for table, key in stored):
            ctx.send(self.storage, Load(ctx.me))
        else:
            GcsServer.load(self, ctx, rows)


SERVER_BUGS = (
    Bug(
        "deletes_only_the_specification",
        "An actor of a finished job is half deleted by a restart, and the next restart aborts.",
        {GcsServer: DeletesOnlyTheSpecification},
        "every_loadable_row_is_whole",
        _RESTART,
        "Ray #66073",
        ("actors_of_finished_jobs_are_gone",),
    ),
    Bug(
        "forgets_detached_actors",
        "Detached actors are not loaded once their job is over.",
        {GcsServer: ForgetsDetachedActors},
        "detached_actors_are_remembered",
        _RESTART,
        "Ray #25131",
    ),
    Bug(
        "keeps_actors_of_finished_jobs",
        "Actors whose job ended while the GCS was down are kept.",
        {GcsServer: KeepsActorsOfFinishedJobs},
        "actors_of_finished_jobs_are_gone",
        _RESTART,
        "Ray 2.60 gcs_actor_manager.cc",
    ),
    Bug(
        "writes_the_row_first",
        "A registration that stops half-way leaves a row without specification.",
        {GcsServer: WritesTheRowFirst},
        "every_loadable_row_is_whole",
        _RESTART,
        "Ray #66073",
        ("a_restarted_gcs_serves_again", "a_gcs_serves_some_day"),
    ),
    Bug(
        "answers_before_storage_does",
        "A registration is answered and lost.",
        {GcsServer: AnswersBeforeStorageDoes},
        "acknowledged_rows_survive",
        _RESTART,
        "Ray 2.60 gcs_actor_manager.cc",
        ("detached_actors_are_remembered",),
    ),
    Bug(
        "gives_up_failed_writes",
        "A failed write blocks those behind it.",
        {GcsServer: GivesUpFailedWrites},
        "a_restarted_gcs_serves_again",
        _RESTART,
        "Ray 2.60 gcs_table_storage.cc",
        ("actors_of_finished_jobs_are_gone", "a_gcs_serves_some_day"),
    ),
    Bug(
        "takes_late_writes",
        "A late write of the crashed GCS brings back an actor that its successor has destroyed.",
        {Storage: TakesLateWrites},
        "actors_of_finished_jobs_are_gone",
        _RESTART,
        "Ray 2.60 gcs_table_storage.cc",
    ),
    Bug(
        "trusts_the_channel",
        "A raylet that a restarted GCS has never heard of goes on as if nothing had happened.",
        {NodeAgent: TrustsTheChannel},
        "every_raylet_is_a_member",
        "gcs-membership-1-memory",
        "Ray #33854",
    ),
    Bug(
        "ignores_its_own_death",
        "A raylet that was declared dead lives on.",
        {NodeAgent: IgnoresItsOwnDeath},
        "every_raylet_is_a_member",
        "gcs-membership-1",
        "Ray 2.60 node_manager.cc::NodeRemoved",
    ),
    Bug(
        "the_dead_return",
        "A node comes back under the id that was declared dead.",
        {NodeAgent: ComesBackUnderTheSameId, NodeManager: RegistersTheDead},
        "dead_ids_never_return",
        "gcs-membership-1",
        "Ray #11423",
    ),
    Bug(
        "compares_broadcasts_across_servers",
        "After a restart of the GCS its broadcasts are discarded as old.",
        {SyncClient: ComparesBroadcastsAcrossServers},
        "views_converge",
        "gcs-sync-2-1-1",
        "Ray #21638",
    ),
    Bug(
        "last_broadcast_counts",
        "A late broadcast of the old GCS replaces newer state.",
        {SyncClient: LastBroadcastCounts},
        "versions_never_go_back",
        "gcs-sync-2-1-1",
        "Ray 2.60 node_state.cc",
        ("views_converge",),
    ),
    Bug(
        "reports_once",
        "A restarted GCS is never told what it has lost.",
        {SyncClient: ReportsOnce},
        "views_converge",
        "gcs-sync-2-1-1",
        "Ray 2.60 ray_syncer.cc",
    ),
    Bug(
        "loads_until_all_is_whole",
        "After a restart between two rows the GCS loads again and again.",
        {GcsServer: LoadsUntilAllIsWhole},
        "a_gcs_serves_some_day",
        "gcs-restart-1-1-1",
        "Ray #66073",
    ),
)
"""The planted bugs of today's GCS."""
