"""Workers as clients of the object plane: they make objects, and pull, hold and read the objects of others.

Source: Ray 2.60 `core_worker/store_provider/plasma_store_provider.cc` (create, seal, get, release) and
`core_worker.cc::SealReturnObject` (the creator lets go only when the raylet has pinned the primary copy).

Left out: how a task came to this worker; a worker runs a fixed list of jobs, one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.graph import ObjectId
from rayproof.model.kernel import Context, Message, Name, Process, TimerKind, Unhandled, Unreachable, constant
from rayproof.model.objects.ray2.admission import PullClass
from rayproof.model.objects.ray2.protocol import (
    RAYLET,
    Absent,
    Created,
    CreateObject,
    Exists,
    Held,
    Hold,
    MakeAgain,
    ObjectFailed,
    ObjectMade,
    Pinned,
    PinObject,
    Pull,
    PullDone,
    PullFailed,
    PullReady,
    Release,
    Seal,
    Sealed,
    WorkerDone,
)

COMPUTE = "compute"
"""Timer of a job's computation."""


@dataclass(frozen=True, slots=True)
class Job:
    """Read some objects, compute, make others."""

    reads: tuple[ObjectId, ...] = ()
    makes: tuple[ObjectId, ...] = ()
    kind: PullClass = PullClass.TASK_ARGS


@dataclass(slots=True)
class ObjectWorker(Process):
    """One worker of one node."""

    node: int = constant()
    owner: Name = constant()
    sizes: tuple[tuple[ObjectId, int], ...] = constant()
    recipes: tuple[Job, ...] = constant(())
    """Jobs that this worker can be asked to do again."""
    jobs: tuple[Job, ...] = ()
    """The present job and those after it."""
    pulling: tuple[ObjectId, ...] = ()
    """What the object manager has been asked for; answers to older requests may still come."""
    unmade: tuple[ObjectId, ...] = ()
    """What the present job still has to make; the first is being made."""
    holds: set[ObjectId] = field(default_factory=set)
    """Arguments of the present job that the store keeps for this worker."""
    errors: tuple[str, ...] = ()
    """How the jobs failed that did."""
    again: int = 0
    """Jobs that were asked for a second time."""
    done: bool = False

    def start(self, ctx: Context) -> None:
        """Begin with the first job."""
        self.begin(ctx)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Answers of the object manager and of the store, and the owner's wish to have something made again."""
        match message:
            case PullReady(objects):
                if self.pulling == objects:
                    self.pulling = ()
                    for there in objects:
                        ctx.send(self.store(), Hold(there))
            case PullFailed(objects, error):
                if self.pulling == objects:
                    self.pulling = ()
                    self.failed(ctx, error)
            case Held(there, _, _):
                self.held(ctx, there)
            case Absent(there, _):
                self.absent(ctx, there)
            case Created(there):
                self.write(ctx, there)
            case Sealed(there):
                self.sealed(ctx, there)
            case Pinned(there):
                ctx.send(self.store(), Release(there))
                self.made(ctx, there)
            case Exists(there):
                self.exists(ctx, there)
            case MakeAgain(there):
                self.make_again(ctx, there)
            case Unreachable():
                pass
            case _:
                raise Unhandled(message)

    def store(self) -> Name:
        """The store of this node."""
        return f"store{self.node}"

    def manager(self) -> Name:
        """The object manager of this node."""
        return f"manager{self.node}"

    def begin(self, ctx: Context) -> None:
        """Pull what the next job reads, or say that there is none."""
        if not self.jobs:
            self.done = True
            ctx.send(self.owner, WorkerDone(self.again))
        elif self.jobs[0].reads:
            self.pulling = self.jobs[0].reads
            ctx.send(self.manager(), Pull(self.jobs[0].kind, self.pulling))
        else:
            ctx.set_timer(COMPUTE, kind=TimerKind.PROGRAM)

    def held(self, ctx: Context, there: ObjectId) -> None:
        """With all arguments in hand the job runs; what somebody else has made here meanwhile is pinned instead.

        `CoreWorker::PinExistingReturnObject`.
        """
        if self.unmade and there == self.unmade[0]:
            ctx.send(self.store(), PinObject(there), RAYLET)
            return
        if self.pulling or not self.jobs or there not in self.jobs[0].reads:
            ctx.send(self.store(), Release(there))
            return
        self.holds.add(there)
        if self.holds.issuperset(self.jobs[0].reads):
            ctx.send(self.manager(), PullDone())
            ctx.set_timer(COMPUTE, kind=TimerKind.PROGRAM)

    def exists(self, ctx: Context, there: ObjectId) -> None:
        """Perhaps a half-written copy, perhaps one that is about to be evicted: it counts once it is pinned."""
        ctx.send(self.store(), Hold(there))

    def absent(self, ctx: Context, there: ObjectId) -> None:
        """What was to be pinned is gone again and has to be made; an argument that has left is waited for once more.

        The object manager may have given it up for a more urgent pull since it was ready: `LocalLeaseManager` puts such
        a task back among those that wait. An object that is lost is the directory's to announce.
        """
        if self.unmade and there == self.unmade[0]:
            self.make_next(ctx)
        elif not self.pulling:
            self.let_go(ctx)
            ctx.send(self.manager(), PullDone())
            self.begin(ctx)

    def fire(self, ctx: Context, timer: str) -> None:
        """The computation has ended."""
        self.unmade = self.jobs[0].makes
        self.make_next(ctx)

    def make_next(self, ctx: Context) -> None:
        """Ask for room for one object; the next one only when this one is sealed and pinned."""
        if self.unmade:
            ctx.send(self.store(), CreateObject(self.unmade[0], dict(self.sizes)[self.unmade[0]]))
        else:
            self.end(ctx)

    def write(self, ctx: Context, there: ObjectId) -> None:
        """Write and seal; the primary copy is pinned before this worker lets go of it."""
        ctx.send(self.store(), Seal(there, tuple(range(dict(self.sizes)[there]))))

    def sealed(self, ctx: Context, there: ObjectId) -> None:
        """Only now can the raylet find the object."""
        ctx.send(self.store(), PinObject(there), RAYLET)

    def made(self, ctx: Context, there: ObjectId) -> None:
        """Tell the owner, and go on."""
        ctx.send(self.owner, ObjectMade(there, self.node))
        self.unmade = tuple(name for name in self.unmade if name != there)
        self.make_next(ctx)

    def failed(self, ctx: Context, error: str) -> None:
        """The job cannot be done; how is part of the program's result."""
        self.errors += (error,)
        for there in self.jobs[0].makes:
            ctx.send(self.owner, ObjectFailed(there, error))
        ctx.send(self.manager(), PullDone())
        self.end(ctx)

    def end(self, ctx: Context) -> None:
        """Let go of the arguments and take the next job."""
        self.let_go(ctx)
        self.jobs = self.jobs[1:]
        self.begin(ctx)

    def let_go(self, ctx: Context) -> None:
        """The store need not keep any argument for this worker."""
        for there in sorted(self.holds):
            ctx.send(self.store(), Release(there))
        self.holds = set()

    def make_again(self, ctx: Context, there: ObjectId) -> None:
        """Do the job once more that makes a lost object, as soon as this worker is free."""
        self.again += 1
        self.jobs += tuple(job for job in self.recipes if there in job.makes)
        if self.done:
            self.done = False
            self.begin(ctx)
