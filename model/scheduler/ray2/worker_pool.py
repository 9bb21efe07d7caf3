"""A node's worker processes: which are idle, which start, and when too many of them are idle.

Source: Ray 2.60, `worker_pool.cc::PopWorker`, `StartNewWorker`, `PrestartWorkersInternal`, `TryKillingIdleWorkers`. A
lease takes the worker that became idle last; without one a process is started, a bounded number at a time, while the
lease holds its resources. An actor gets a process that has never run a task (`WorkerFitsForTask`). An idle process
beyond the free CPUs is killed after 1 s.

Left out: processes of other jobs, languages and runtime environments.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.kernel import Context, Message, ModelError, Name, Process, TimerKind, Unhandled, constant
from rayproof.model.wire.ray2.leases import (
    INSIDE,
    CountCpus,
    EndWorker,
    ForgetPop,
    FreeCpus,
    LeaseId,
    PopWorker,
    PushWorker,
    WorkerPopped,
)

START, REST, LOOK = "start:", "rest:", "look"
"""Timers: a process starts; a process was idle for long; now and then idle processes are counted."""

REST_US, LOOK_US = 1_000_000, 200_000


@dataclass(slots=True, kw_only=True)
class WorkerPool(Process):
    """One node's workers."""

    raylet: Name = constant()
    workers: tuple[Name, ...] = constant()
    """Every process that there can be at once."""
    prestarted: int = constant()
    """How many of them are there from the start."""
    start_us: int = constant(0)
    starts_at_once: int = constant(1)
    actor_us: int = constant(0)
    """Until a process for an actor is there; 0: any idle process will do for one."""
    kills: bool = constant(False)
    """Whether idle processes are killed."""
    idle: list[Name] = field(default_factory=list)
    """The one that became idle last is the last; where none is killed, in the order of their names."""
    absent: list[Name] = field(default_factory=list)
    starting: list[Name] = field(default_factory=list)
    for_actors: dict[Name, LeaseId] = field(default_factory=dict)
    """Processes that start for actors."""
    waiting: list[LeaseId] = field(default_factory=list)
    """Leases without a worker, oldest first."""
    rested: set[Name] = field(default_factory=set)
    """Idle for long."""

    def start(self, ctx: Context) -> None:
        """Some workers are there."""
        self.idle = list(self.workers[: self.prestarted][::-1])
        self.absent = list(self.workers[self.prestarted :])
        if self.kills:
            ctx.set_timer(LOOK, LOOK_US, TimerKind.PERIODIC)

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """The raylet's wishes."""
        match message:
            case PopWorker(lease, actor) if actor and self.actor_us and self.absent:
                worker = self.absent.pop(0)
                self.for_actors[worker] = lease
                ctx.set_timer(START + worker, self.actor_us, TimerKind.PROGRAM)
            case PopWorker(lease):
                self.waiting.append(lease)
            case ForgetPop(lease):
                if lease in self.waiting:
                    self.waiting.remove(lease)
            case PushWorker(worker, dead):
                self.pushed(ctx, worker, dead)
            case FreeCpus(count):
                self.kill_beyond(ctx, count)
            case _:
                raise Unhandled(message)
        self.serve(ctx)

    def fire(self, ctx: Context, timer: str) -> None:
        """A process has started, or was idle for long."""
        kind, _, worker = timer.partition(":")
        if timer == LOOK:
            if self.rested:
                ctx.send(self.raylet, CountCpus(), INSIDE)
        elif f"{kind}:" == REST:
            self.rested.add(worker)
        elif worker in self.for_actors:
            ctx.send(self.raylet, WorkerPopped(self.for_actors.pop(worker), worker), INSIDE)
        else:
            self.starting.remove(worker)
            self.pushed(ctx, worker, False)
        self.serve(ctx)

    def pushed(self, ctx: Context, worker: Name, dead: bool) -> None:
        """A worker is idle, or gone."""
        if dead:
            self.absent.append(worker)
            return
        self.idle.append(worker)
        if self.kills:
            ctx.set_timer(REST + worker, REST_US)
        else:
            self.idle.sort(reverse=True)

    def serve(self, ctx: Context) -> None:
        """Give what is idle to the leases that wait, and start processes for the rest."""
        while self.waiting and self.idle:
            worker = self.idle.pop()
            self.rested.discard(worker)
            ctx.cancel_timer(REST + worker)
            ctx.send(self.raylet, WorkerPopped(self.waiting.pop(0), worker), INSIDE)
        while len(self.starting) < min(self.starts_at_once, len(self.waiting)):
            if not self.absent:
                if not self.starting:
                    raise ModelError(f"{ctx.me} needs more than {len(self.workers)} workers")
                return
            worker = self.absent.pop(0)
            self.starting.append(worker)
            ctx.set_timer(START + worker, self.start_us, TimerKind.PROGRAM)

    def kill_beyond(self, ctx: Context, free: int) -> None:
        """Kill what was idle for long, the longest first, while there are more than free CPUs."""
        for worker in [each for each in self.idle if each in self.rested]:
            if len(self.idle) <= free:
                return
            self.idle.remove(worker)
            self.rested.discard(worker)
            self.absent.append(worker)
            ctx.send(worker, EndWorker(), INSIDE)
