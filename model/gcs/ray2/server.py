"""Today's GCS: one process, its tables in memory, written through to storage; restart loads them again.

Source: Ray 2.60 `src/ray/gcs/gcs_server.cc::Start` (load, then serve), `gcs_actor_manager.cc::RegisterActor`,
`::DestroyActor`, `::OnJobFinished` and `::Initialize` (what becomes of loaded rows), `gcs_table_storage.cc`. The job
and actor tables stand for all of them: an actor has a row and, in a table apart, its specification, so that one change
touches two rows. Detached actors outlive their job.

The server may restart between any two writes; a write may fail, or stop after the first of its rows. A write of a
server that has crashed may still arrive, until its successor has loaded: storage serves one server at a time. Without
that, a late write brings back an actor whose job has finished meanwhile.

Left out: creation and restart of actors (see the cluster); reading single rows; a storage that loses what it has
acknowledged.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from rayproof.model.kernel import (
    Context,
    Down,
    FaultKind,
    Message,
    Name,
    Process,
    TimerKind,
    Unhandled,
    Unreachable,
    constant,
)


class Table(StrEnum):
    """Tables of the storage."""

    ACTOR = "actor"
    JOB = "job"
    SPEC = "spec"


@dataclass(frozen=True, slots=True, order=True)
class ActorRow:
    """What the actor table says of one actor."""

    job: str
    is_detached: bool = False
    is_dead: bool = False


FINISHED = ActorRow("", is_dead=True)
"""Row of a finished job, and content of a specification: only their presence matters here."""

RowWrite = tuple[Table, str, ActorRow | None]
"""Table, key, new row; None deletes."""


@dataclass(frozen=True, slots=True)
class WriteRows(Message):
    """Write these rows, in this order."""

    server: Name
    """The process that asks: its successor has the same address and must not take the answer for its own."""
    rows: tuple[RowWrite, ...]


@dataclass(frozen=True, slots=True)
class WriteDone(Message):
    """Whether all rows were written."""

    server: Name
    succeeded: bool


@dataclass(frozen=True, slots=True)
class Load(Message):
    """Send everything."""

    server: Name


@dataclass(frozen=True, slots=True)
class Loaded(Message):
    """Everything."""

    server: Name
    rows: tuple[tuple[tuple[Table, str], ActorRow], ...]


@dataclass(frozen=True, slots=True)
class RegisterActor(Message):
    """An owner registers an actor before it creates it."""

    actor: str
    row: ActorRow


@dataclass(frozen=True, slots=True)
class FinishJob(Message):
    """The driver is done; its actors go, but for the detached ones."""

    job: str


Request = RegisterActor | FinishJob


@dataclass(frozen=True, slots=True)
class Done(Message):
    """The request is in storage."""

    request: Request


@dataclass(frozen=True, slots=True)
class Change:
    """Rows on their way to storage, and whom to answer when they are there."""

    rows: tuple[RowWrite, ...]
    asker: Name = ""
    request: Request | None = None


@dataclass(slots=True)
class Storage(Process):
    """The database behind the GCS; it does not fail, single writes do."""

    rows: dict[tuple[Table, str], ActorRow] = field(default_factory=dict)
    server: Name = ""
    """The one that loaded last."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Writes, and the read of everything at start."""
        match message:
            case WriteRows(server, rows):
                if self.is_served(server):
                    ctx.send(server, WriteDone(server, self.write(ctx, rows)))
            case Load(server):
                # Names of later incarnations sort behind those of earlier ones.
                self.server = max(self.server, server)
                ctx.send(server, Loaded(server, tuple(sorted(self.rows.items()))))
            case _:
                raise Unhandled(message)

    def is_served(self, server: Name) -> bool:
        """Whether no other server has loaded since."""
        return server == self.server

    def write(self, ctx: Context, rows: tuple[RowWrite, ...]) -> bool:
        """Write all rows, none, or the first; whether all were written."""
        if ctx.may_fail(FaultKind.FAIL_WRITE):
            return False
        halved = len(rows) > 1 and ctx.may_fail(FaultKind.HALF_WRITE)
        for table, key, row in rows[:1] if halved else rows:
            if row is None:
                self.rows.pop((table, key), None)
            else:
                self.rows[table, key] = row
        return not halved


@dataclass(slots=True)
class GcsServer(Process):
    """The GCS: loads, then serves; every change is in storage before it is answered."""

    is_serving: bool = False
    """Whether the tables have been loaded."""
    has_aborted: bool = False
    """Whether it met a row that it could not load."""
    actors: dict[str, ActorRow] = field(default_factory=dict)
    """Actors that live, or are being registered."""
    jobs: set[str] = field(default_factory=set)
    """Finished jobs."""
    changes: tuple[Change, ...] = ()
    """Writes that storage has not confirmed; the first is under way."""
    held: tuple[tuple[Name, Request], ...] = ()
    """Requests that came before the tables were loaded."""
    storage: Name = constant("storage")

    def start(self, ctx: Context) -> None:
        """Load everything before serving anybody."""
        ctx.send(self.storage, Load(ctx.me))

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Requests, and the storage's answers."""
        match message:
            case Loaded(server, rows):
                if server == ctx.me:
                    self.load(ctx, rows)
            case WriteDone(server, succeeded):
                if server == ctx.me:
                    self.written(ctx, succeeded)
            case RegisterActor() | FinishJob():
                if self.is_serving:
                    self.serve(ctx, sender, message)
                else:
                    self.held += ((sender, message),)
            case Unreachable():
                pass
            case _:
                raise Unhandled(message)

    def load(self, ctx: Context, rows: tuple[tuple[tuple[Table, str], ActorRow], ...]) -> None:
        """Build the tables; actors whose job has finished meanwhile go now."""
        stored = dict(rows)
        self.jobs = {key for table, key in stored if table is Table.JOB}
        for (table, key), row in rows:
            if table is not Table.ACTOR or row.is_dead:
                continue
            if (Table.SPEC, key) not in stored:
                self.has_aborted = True
                return
            self.load_actor(ctx, key, row)
        self.is_serving = True
        held, self.held = self.held, ()
        for asker, request in held:
            self.serve(ctx, asker, request)

    def load_actor(self, ctx: Context, actor: str, row: ActorRow) -> None:
        """Keep an actor, or destroy it when nothing holds it any more."""
        self.actors[actor] = row
        if row.job in self.jobs and not row.is_detached:
            self.destroy(ctx, actor)

    def serve(self, ctx: Context, asker: Name, request: Request) -> None:
        """Carry out a request; one that is carried out already is only answered."""
        match request:
            case RegisterActor(actor, row):
                if actor in self.actors:
                    self.change(ctx, Change((), asker, request))
                else:
                    self.register(ctx, actor, row, asker, request)
            case FinishJob(job):
                self.jobs.add(job)
                self.change(ctx, Change(((Table.JOB, job, FINISHED),), asker, request))
                for actor in sorted(self.actors):
                    if self.actors[actor].job == job and not self.actors[actor].is_detached:
                        self.destroy(ctx, actor)

    def register(self, ctx: Context, actor: str, row: ActorRow, asker: Name, request: Request) -> None:
        """The specification first: a row without one cannot be loaded."""
        self.actors[actor] = row
        self.change(ctx, Change(((Table.SPEC, actor, FINISHED), (Table.ACTOR, actor, row)), asker, request))

    def destroy(self, ctx: Context, actor: str) -> None:
        """The row first: a dead row needs no specification."""
        row = replace(self.actors.pop(actor), is_dead=True)
        self.change(ctx, Change(((Table.ACTOR, actor, row), (Table.SPEC, actor, None))))

    def change(self, ctx: Context, change: Change) -> None:
        """Write one change after the other."""
        self.changes += (change,)
        if len(self.changes) == 1:
            self.write_next(ctx)

    def write_next(self, ctx: Context) -> None:
        """Send the next change to storage."""
        if self.changes:
            ctx.send(self.storage, WriteRows(ctx.me, self.changes[0].rows))

    def written(self, ctx: Context, succeeded: bool) -> None:
        """Answer who waits for the change; a failed write is repeated, with all its rows."""
        if succeeded:
            done, *rest = self.changes
            self.changes = tuple(rest)
            if done.request is not None:
                ctx.send(done.asker, Done(done.request))
        self.write_next(ctx)


@dataclass(slots=True)
class GcsClient(Process):
    """An owner: sends its requests one after the other, again when the GCS was gone."""

    todo: tuple[Request, ...]
    """Requests that are not answered; the first one is sent."""
    done: tuple[Request, ...] = ()
    gcs: Name = constant("gcs")

    def start(self, ctx: Context) -> None:
        """Going on is the program's own progress."""
        ctx.set_timer("next", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        """Send the present request."""
        if self.todo:
            ctx.send(self.gcs, self.todo[0])

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Answers, and word that the GCS has gone."""
        match message:
            case Done(request):
                if self.todo[:1] == (request,):
                    self.todo = self.todo[1:]
                    self.done += (request,)
                    ctx.set_timer("next", kind=TimerKind.PROGRAM)
            case Down() | Unreachable():
                ctx.set_timer("next", kind=TimerKind.PROGRAM)
            case _:
                raise Unhandled(message)
