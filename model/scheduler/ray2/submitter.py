"""The owner's side of leases: which workers it asks for, and what it runs on them.

Source: Ray 2.60, `normal_task_submitter.cc::SubmitTask`, `RequestNewWorkerIfNeeded`, `HandleWorkerLeaseReply` (there
`OnWorkerIdle`, `PushNormalTask`, `ReturnWorkerLease`, `CancelWorkerLeaseIfNeeded`); `lease_policy.cc` for the first
raylet. Tasks of one scheduling key (class and stored arguments) share requests, ten at most, and workers: one that is
idle takes the next task without another decision, until its lease is 500 ms old. A rejected request starts over, and so
does one at a raylet that has died; a request that is sent on keeps its number.

Left out: what travels with a task, and a worker's backlog report.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from rayproof.model.graph import NodeAffinity, Program, Spread, TaskId, TaskSpec
from rayproof.model.graph.contract import ErrorKind, GivenUp
from rayproof.model.graph.labels import named_nodes, written
from rayproof.model.kernel import (
    Context,
    Down,
    Message,
    Name,
    Process,
    TimerKind,
    Unhandled,
    constant,
    derived,
)
from rayproof.model.scheduler.ray import Argument, lease_target
from rayproof.model.scheduler.ray.locality import OwnerStrategy
from rayproof.model.wire.ray2.leases import (
    INSIDE,
    WITHDRAW,
    CancelLease,
    ClassId,
    LeaseAsked,
    LeaseCancelled,
    LeaseGranted,
    LeaseRejected,
    LeaseSpec,
    LeaseStrategy,
    NothingToCancel,
    RequestLease,
    RetryAt,
    ReturnWorker,
)
from rayproof.model.wire.ray2.rpc import AGAIN, Client
from rayproof.model.wire.ray2.workers import (
    AttemptFailed,
    NodeLost,
    PushTask,
    SendTask,
    TaskLeft,
    TaskReply,
    WithdrawTask,
    WorkerDied,
)

AGE = "age:"
"""Prefix of the timers after which a lease is given back with its task's end."""

Key = str
"""A scheduling key, as text."""

Answer: TypeAlias = LeaseGranted | RetryAt | LeaseRejected | LeaseCancelled


@dataclass(frozen=True, slots=True)
class Requested:
    """A request in flight."""

    key: Key
    spec: LeaseSpec
    node: Name


@dataclass(frozen=True, slots=True)
class Leased:
    """A worker that is the owner's."""

    key: Key
    node: Name
    worker: Name
    task: TaskId
    attempt: int


def class_of(task: TaskSpec, strategy: LeaseStrategy, told: str = "") -> ClassId:
    """The scheduling class of a task, as text (`SchedulingClassDescriptor`); `told`: what else tells classes apart."""
    asked = "|" + " or ".join(map(written, task.selectors)) if task.selectors else ""
    return f"{task.name}|{task.demand}|{strategy}{asked}{told}"


def retries_left(task: TaskSpec, attempt: int) -> int:
    """How often a task may be tried again after this attempt; -1: without end."""
    return -1 if task.max_retries < 0 else max(0, task.max_retries + 1 - attempt)


@dataclass(slots=True, kw_only=True)
class LeaseSubmitter(Process):
    """One core worker's requests for leases."""

    program: Program = constant()
    raylet: Name = constant()
    """Its own node's."""
    labelled: Mapping[str, Name] = constant()
    """The raylet of each node, by the label that names the node."""
    manager: Name = constant()
    """The task manager of the same core worker."""
    patience: Name = constant("")
    """The part that asks a policy how long tasks wait; empty without such a policy."""
    tells_apart: bool = constant(False)
    """Whether a policy orders or ends tasks: tasks of one function with other hints are then of another class."""
    most_requests: int = constant(10)
    """Requests in flight for one key (Ray: or the number of nodes if that is more)."""
    client: Client = constant(Client())
    lease_us: int = constant(0)
    """Age from which on a lease is not used again; 0: any age will do."""
    ready: dict[TaskId, SendTask] = field(default_factory=dict)
    """Attempts that wait for a worker."""
    queues: dict[Key, list[TaskId]] = field(default_factory=dict)
    requests: dict[int, Requested] = field(default_factory=dict)
    withdrawn: set[int] = field(default_factory=set)
    """Requests in flight of which the raylet was told that they are not needed any more."""
    leased: dict[int, Leased] = field(default_factory=dict)
    old: set[int] = field(default_factory=set)
    """Leases that are not used again."""
    dead: set[Name] = field(default_factory=set)
    count: int = 0
    by_key: dict[Key, list[int]] = derived(dict)
    """The requests of each key, ascending."""
    by_task: dict[TaskId, int] = derived(dict)
    """The lease of each task that runs."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Attempts to send, answers of raylets and workers, deaths."""
        match message:
            case SendTask(task):
                self.ready[task] = message
                key = self.key_of(message)
                self.queues.setdefault(key, []).append(task)
                self.request(ctx, key)
            case WithdrawTask(task, given_up):
                self.withdraw(ctx, task, given_up)
            case LeaseGranted() | RetryAt() | LeaseRejected() | LeaseCancelled():
                if self.hears(ctx, sender, message):
                    self.answered(ctx, sender, message)
            case NothingToCancel(lease):
                if lease[1] in self.withdrawn and self.asks(sender, lease[1]):
                    self.client.tell(ctx, sender, CancelLease(lease), WITHDRAW)
            case TaskReply(task, attempt):
                self.replied(ctx, message)
            case WorkerDied(task, attempt):
                self.worker_died(ctx, task, attempt)
            case Down(node):
                self.node_died(ctx, node)
            case _:
                raise Unhandled(message)

    def fire(self, ctx: Context, timer: str) -> None:
        """A lease has come of age."""
        number = int(timer.removeprefix(AGE))
        if number in self.leased:
            self.old.add(number)

    # ---- asking ------------------------------------------------------------------------------------------------------

    def key_of(self, ready: SendTask) -> Key:
        """Class and stored arguments."""
        spec = self.program.tasks[ready.task]
        objects = ",".join(argument.object for argument in ready.args)
        return f"{self.class_of(spec, ready)}|{objects}"

    def class_of(self, spec: TaskSpec, ready: SendTask) -> ClassId:
        """The class; where raylets choose among tasks, those that they should tell apart are in different ones."""
        told = f"|{spec.hints}|{retries_left(spec, ready.attempt)}" if self.tells_apart else ""
        return class_of(spec, ready.strategy, told)

    def mine(self, key: Key) -> list[int]:
        """The requests in flight for a key."""
        if not self.by_key:
            for number, asked in sorted(self.requests.items()):
                self.by_key.setdefault(asked.key, []).append(number)
        return self.by_key.get(key, [])

    def request(self, ctx: Context, key: Key) -> None:
        """Ask for one more worker while there are tasks without a request, up to the limit."""
        queue = self.queues.get(key, [])
        # What was withdrawn still counts until its answer is here.
        if len(self.mine(key)) >= min(self.most_requests, len(queue)):
            return
        self.count += 1
        head = self.ready[queue[-1]]
        spec = self.program.tasks[head.task]
        node, by_locality = self.target(head)
        wanted = LeaseSpec(
            (ctx.me, self.count),
            self.class_of(spec, head),
            spec.demand,
            head.strategy,
            head.task,
            head.args,
            again=head.attempt > 1,
            by_locality=by_locality,
            selectors=spec.selectors,
            retries_left=retries_left(spec, head.attempt) if self.tells_apart else 0,
        )
        self.ask(ctx, key, wanted, node)

    def target(self, head: SendTask) -> tuple[Name, bool]:
        """The raylet that is asked first, and whether locality chose it (`GetBestNodeForLease`)."""
        strategy = head.strategy
        kind = OwnerStrategy.DEFAULT
        if isinstance(strategy, Spread):
            kind = OwnerStrategy.SPREAD
        elif isinstance(strategy, NodeAffinity):
            kind = OwnerStrategy.NODE_AFFINITY
        arguments = [
            Argument(each.size_bytes, tuple(node for node in each.nodes if node not in self.dead)) for each in head.args
        ]
        wanted = getattr(strategy, "node", None)
        selected = [self.labelled.get(node, "") for node in named_nodes(self.program.tasks[head.task].selectors)]
        found = lease_target(
            arguments,
            kind,
            self.raylet,
            target=None if wanted in self.dead else wanted,
            selected=[node for node in selected if node and node not in self.dead],
        )
        return found.node, found.by_locality

    def ask(self, ctx: Context, key: Key, spec: LeaseSpec, node: Name) -> None:
        """Send a request; one that was withdrawn has ended with its answer."""
        number = spec.lease[1]
        if number in self.withdrawn:
            self.forget(number)
            self.request(ctx, key)
            return
        mine = self.mine(key)
        if number not in mine:
            insort(mine, number)
            self.by_key[key] = mine
        ctx.observe(LeaseAsked(spec.lease, node, node in self.dead))
        again = replace(spec, call=spec.call + 1)
        called_again = self.client.request(ctx, node, RequestLease(spec), RequestLease(again))
        self.requests[number] = Requested(key, again if called_again else spec, node)

    def asks(self, node: Name, number: int) -> bool:
        """Whether a request is in flight to that raylet: what others say of it comes too late."""
        return number in self.requests and self.requests[number].node == node

    def forget(self, number: int) -> Requested | None:
        """A request has been answered."""
        self.withdrawn.discard(number)
        asked = self.requests.get(number)
        if asked is not None:
            mine = self.mine(asked.key)
            del self.requests[number]
            mine.remove(number)
            if not mine:
                del self.by_key[asked.key]
        return asked

    def start_over(self, ctx: Context, asked: Requested) -> None:
        """Ask the raylet that the lease policy names, as if for the first time."""
        queue = self.queues.get(asked.key)
        if not queue:
            self.forget(asked.spec.lease[1])
            return
        node, by_locality = self.target(self.ready[queue[-1]])
        self.ask(ctx, asked.key, replace(asked.spec, redirected=False, by_locality=by_locality), node)

    # ---- answers -----------------------------------------------------------------------------------------------------

    def hears(self, ctx: Context, sender: Name, answer: Answer) -> bool:
        """Whether an answer arrives: it may be lost, or answer a call that has failed meanwhile."""
        number = answer.lease[1]
        if not self.asks(sender, number):
            return True
        asked = self.requests[number]
        if answer.call < asked.spec.call:
            return False
        if self.client.misses(ctx):
            again = replace(asked.spec, call=asked.spec.call + 1)
            self.requests[number] = replace(asked, spec=again)
            ctx.send(sender, RequestLease(again), AGAIN)
            return False
        return True

    def answered(self, ctx: Context, sender: Name, answer: Answer) -> None:
        """What a raylet says of a request."""
        match answer:
            case LeaseGranted(lease, worker):
                self.granted(ctx, sender, lease[1], worker)
            case RetryAt(lease, node):
                self.sent_on(ctx, sender, lease[1], node)
            case LeaseRejected(lease):
                self.rejected(ctx, sender, lease[1])
            case LeaseCancelled(lease):
                if self.asks(sender, lease[1]):
                    self.cancelled(ctx, lease[1], answer)

    def sent_on(self, ctx: Context, sender: Name, number: int, node: Name) -> None:
        """Ask the raylet that was named; it may only grant, keep or reject."""
        if not self.asks(sender, number):
            return
        asked = self.requests[number]
        if node in self.dead:
            self.start_over(ctx, asked)
        else:
            self.ask(ctx, asked.key, replace(asked.spec, redirected=True, by_locality=False), node)

    def rejected(self, ctx: Context, sender: Name, number: int) -> None:
        """A redirected request found no room."""
        if self.asks(sender, number):
            self.start_over(ctx, self.requests[number])

    def cancelled(self, ctx: Context, number: int, answer: LeaseCancelled) -> None:
        """A request has ended without a worker; what can never run fails, and with its group all that wait for it."""
        asked = self.forget(number)
        if asked is None:
            return
        queue = self.queues.get(asked.key, [])
        failing = queue[: None if answer.group_removed else int(answer.unschedulable or answer.given_up)]
        for task in failing:
            queue.remove(task)
            attempt = self.taken(ctx, task).attempt
            self.trim(ctx, asked.key)
            error = ErrorKind.UNSCHEDULABLE
            if answer.given_up:
                ctx.observe(GivenUp(task))
                error = ErrorKind.REJECTED
            elif answer.group_removed:
                error = ErrorKind.GROUP_REMOVED
            ctx.send(self.manager, AttemptFailed(task, attempt, error), INSIDE)
        self.request(ctx, asked.key)

    def granted(self, ctx: Context, node: Name, number: int, worker: Name) -> None:
        """Use a worker, or give it back at once when it came too late; the dead give nothing."""
        held = self.leased.get(number)
        if node in self.dead or (held is not None and held.node == node):
            return
        asked = self.forget(number) if self.asks(node, number) else None
        if asked is None:
            self.client.tell(ctx, node, ReturnWorker((ctx.me, number)))
            return
        if self.lease_us:
            ctx.set_timer(f"{AGE}{number}", self.lease_us, TimerKind.EAGER)
        self.use(ctx, number, asked.key, node, worker)

    def use(self, ctx: Context, number: int, key: Key, node: Name, worker: Name) -> None:
        """An idle worker takes the next task of its key, or goes back."""
        queue = self.queues.get(key)
        if not queue or number in self.old:
            self.give_back(ctx, number, node)
        else:
            task = queue.pop(0)
            ready = self.taken(ctx, task)
            self.leased[number] = Leased(key, node, worker, task, ready.attempt)
            self.by_task[task] = number
            ctx.send(worker, PushTask(task, ready.attempt, (ctx.me, number), ready.references))
            self.trim(ctx, key)
        self.request(ctx, key)

    def taken(self, ctx: Context, task: TaskId) -> SendTask:
        """A task does not wait for a worker any more."""
        if self.patience:
            ctx.send(self.patience, TaskLeft(task), INSIDE)
        return self.ready.pop(task)

    def trim(self, ctx: Context, key: Key) -> None:
        """Withdraw the requests of a key without tasks (`CancelWorkerLeaseIfNeeded`)."""
        if key in self.queues and not self.queues[key]:
            del self.queues[key]
            for number in list(self.mine(key)):
                if number not in self.withdrawn:
                    self.withdrawn.add(number)
                    self.client.tell(ctx, self.requests[number].node, CancelLease((ctx.me, number)), WITHDRAW)

    def give_back(self, ctx: Context, number: int, node: Name, *, dead: bool = False) -> None:
        """A lease ends."""
        self.leased.pop(number, None)
        self.old.discard(number)
        ctx.cancel_timer(f"{AGE}{number}")
        self.client.tell(ctx, node, ReturnWorker((ctx.me, number), dead))

    def lease_of(self, task: TaskId, attempt: int) -> int | None:
        """The lease on which an attempt runs."""
        if not self.by_task:
            self.by_task.update((held.task, number) for number, held in sorted(self.leased.items()))
        number = self.by_task.get(task)
        held = None if number is None else self.leased.get(number)
        return number if held is not None and (held.task, held.attempt) == (task, attempt) else None

    def replied(self, ctx: Context, reply: TaskReply) -> None:
        """A task has ended: its owner hears of it, and the worker goes on or back."""
        number = self.lease_of(reply.task, reply.attempt)
        ctx.send(self.manager, reply, INSIDE)
        if number is not None:
            held = self.leased.pop(number)
            self.use(ctx, number, held.key, held.node, held.worker)

    # ---- what goes wrong ---------------------------------------------------------------------------------------------

    def withdraw(self, ctx: Context, task: TaskId, given_up: bool) -> None:
        """An attempt that has not been sent is not to be."""
        for key in sorted(self.queues):
            if task in self.queues[key]:
                self.queues[key].remove(task)
                attempt = self.taken(ctx, task).attempt
                self.trim(ctx, key)
                if given_up:
                    ctx.observe(GivenUp(task))
                error = ErrorKind.REJECTED if given_up else ErrorKind.CANCELLED
                ctx.send(self.manager, AttemptFailed(task, attempt, error), INSIDE)
                return

    def worker_died(self, ctx: Context, task: TaskId, attempt: int) -> None:
        """The connection broke under an attempt: the lease is over."""
        number = self.lease_of(task, attempt)
        if number is None:
            return
        node, key = self.leased[number].node, self.leased[number].key
        self.give_back(ctx, number, node, dead=True)
        ctx.send(self.manager, AttemptFailed(task, attempt, ErrorKind.WORKER_DIED), INSIDE)
        self.request(ctx, key)

    def node_died(self, ctx: Context, node: Name) -> None:
        """What was asked of the dead is asked elsewhere; what ran there has failed."""
        self.dead.add(node)
        ctx.send(self.manager, NodeLost(node), INSIDE)
        for _, asked in sorted(self.requests.items()):
            if asked.node == node:
                self.start_over(ctx, asked)
        for number, held in sorted(self.leased.items()):
            if held.node == node:
                del self.leased[number]
                self.old.discard(number)
                ctx.cancel_timer(f"{AGE}{number}")
                failed = AttemptFailed(held.task, held.attempt, ErrorKind.WORKER_DIED)
                ctx.send(self.manager, failed, INSIDE)
