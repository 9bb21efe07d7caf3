"""Planted bugs of clusters of today's Ray (numbers of the bug benchmark where a real defect stands behind one)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from rayproof.model.actors.ray2.actor_calls import ActorCalls
from rayproof.model.graph import NodeAffinity, Resources, TaskId, TaskKind
from rayproof.model.graph.contract import ErrorKind
from rayproof.model.kernel import Context, Message, Name
from rayproof.model.scheduler.ray import Decision, LeaseOptions, Request, best_for_lease
from rayproof.model.scheduler.ray.answer import exactly
from rayproof.model.scheduler.ray2.bundles import wildcard_of
from rayproof.model.scheduler.ray2.lease_manager import Granted, LeaseManager
from rayproof.model.scheduler.ray2.submitter import LeaseSubmitter
from rayproof.model.scheduler.ray2.worker_pool import WorkerPool
from rayproof.model.wire.ray2.leases import (
    INSIDE,
    ClassId,
    LeaseCancelled,
    LeaseId,
    LeaseSpec,
    PopWorker,
    RequestLease,
    WorkerPopped,
)
from rayproof.model.wire.ray2.workers import FAILED, Known, SendTask, TaskReply
from rayproof.model.workers.ray2.task_manager import Pending, TaskManager
from rayproof.properties.bug import Bug


@dataclass(slots=True, kw_only=True)
class SendsTooEarly(TaskManager):
    """A task is sent although an argument does not exist yet."""

    def resolve(self, ctx: Context, task: TaskId) -> None:
        state = self.pending[task]
        self.pending[task] = replace(state, sent=True)
        ctx.send(self.submitter, SendTask(task, state.attempt, state.strategy, (), ()), INSIDE)


@dataclass(slots=True, kw_only=True)
class RunsAgainForNothing(TaskManager):
    """What ran on a dead node runs again, although its result is with its owner."""

    def node_died(self, ctx: Context, node: Name) -> None:
        fresh = node not in self.dead
        TaskManager.node_died(self, ctx, node)
        for task in sorted(self.attempts) if fresh else ():
            self.pending[task] = Pending(self.attempts.pop(task) + 1, "", self.strategy(task))
            self.resolve(ctx, task)


@dataclass(slots=True, kw_only=True)
class TellsNoCaller(TaskManager):
    """A constructor with an error among its arguments fails, and nobody but its creator hears of it."""

    def send(self, ctx: Context, task: TaskId) -> None:
        spec = self.program.tasks[task]
        if spec.kind is TaskKind.ACTOR_CREATION and any(self.known[each].value == FAILED for each in spec.inputs):
            self.fail(ctx, task, ErrorKind.DEPENDENCY)
        else:
            TaskManager.send(self, ctx, task)


@dataclass(slots=True, kw_only=True)
class RetriesInReverse(ActorCalls):
    """A call that is retried goes before all others."""

    def send(self, ctx: Context, ready: SendTask) -> None:
        if self.program.tasks[ready.task].kind is TaskKind.ACTOR_METHOD:
            queue = self.queues.setdefault(self.actor(ready.task), [])
            if ready.task not in queue:
                queue.insert(0, ready.task)
        ActorCalls.send(self, ctx, ready)


@dataclass(slots=True, kw_only=True)
class ServesTheDead(LeaseManager):
    """A request is served although its owner's node has died since it was sent."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        if isinstance(message, RequestLease) and self.is_orphan(message.spec):
            self.to_schedule.append(message.spec)
            self.go_on(ctx)
        else:
            LeaseManager.receive(self, ctx, sender, message)


@dataclass(slots=True, kw_only=True)
class GivesUpAtOnce(TaskManager):
    """The first death under a task is its failure, whatever it may be retried."""

    def attempt_failed(self, ctx: Context, task: TaskId, attempt: int, error: ErrorKind) -> None:
        if task in self.pending and self.pending[task].attempt == attempt:
            self.fail(ctx, task, error)


@dataclass(slots=True, kw_only=True)
class GivesTheNextValue(TaskManager):
    """The number of an attempt is lost on the way to whoever reads its value."""

    def exists(self, ctx: Context, made: str, known: Known) -> None:
        TaskManager.exists(self, ctx, made, replace(known, value=known.value + 1))


@dataclass(slots=True, kw_only=True)
class PopsWithoutTaking(WorkerPool):
    """A worker is given away and stays idle."""

    def serve(self, ctx: Context) -> None:
        while self.waiting and self.idle:
            ctx.send(self.raylet, WorkerPopped(self.waiting.pop(0), self.idle[-1]), INSIDE)


@dataclass(slots=True, kw_only=True)
class KnowsNoIds(LeaseManager):
    """A request that arrives twice is two requests."""

    def knows(self, ctx: Context, spec: LeaseSpec) -> bool:
        return False


@dataclass(slots=True, kw_only=True)
class GrantsWithoutTaking(LeaseManager):
    """A worker is given away without its resources (D08)."""

    def give(self, ctx: Context, spec: LeaseSpec) -> None:
        free = self.free
        LeaseManager.give(self, ctx, spec)
        self.free = free


@dataclass(slots=True, kw_only=True)
class GrantsWhileDraining(LeaseManager):
    """A raylet tells the others that it drains, and goes on itself."""

    def grant(self, ctx: Context) -> None:
        for of in sorted(self.to_grant):
            while of in self.to_grant and self.to_grant[of][0].demand.fits(self.free):
                spec = self.to_grant[of][0]
                self.leave(spec)
                self.give(ctx, spec)
        LeaseManager.grant(self, ctx)

    def decide(self, me: Name, spec: LeaseSpec, *, prefer_local: bool | None = None) -> Decision:
        draining, self.draining = self.draining, False
        self.table.clear()
        found = LeaseManager.decide(self, me, spec, prefer_local=prefer_local)
        self.draining = draining
        self.table.clear()
        return found


@dataclass(slots=True, kw_only=True)
class RedirectsAgain(LeaseManager):
    """A raylet without room names the next one, also to a request that was redirected to it (D02)."""

    def put(self, ctx: Context, spec: LeaseSpec, node: Name, *, asked: bool) -> None:
        if node != ctx.me:
            self.redirect(ctx, spec, node)
        else:
            LeaseManager.put(self, ctx, spec, node, asked=asked)


@dataclass(slots=True, kw_only=True)
class KeepsTheCpu(LeaseManager):
    """A worker that waits in a get keeps its CPU (D10)."""

    def block(self, worker: Name) -> None:
        pass


@dataclass(slots=True, kw_only=True)
class HasNoCap(LeaseManager):
    """Worker after worker is started for the tasks of one class (D11)."""

    def is_at_its_cap(self, ctx: Context, of: ClassId) -> bool:
        return False


@dataclass(slots=True, kw_only=True)
class NeverLiftsTheCap(LeaseManager):
    """A class at its cap waits until one of its tasks has ended."""

    def fire(self, ctx: Context, timer: str) -> None:
        if not timer.startswith("cap:"):
            LeaseManager.fire(self, ctx, timer)


@dataclass(slots=True, kw_only=True)
class TakesTheWildcardAlone(LeaseManager):
    """A task in any bundle takes from none of them (D15)."""

    def give(self, ctx: Context, spec: LeaseSpec) -> None:
        self.free = self.free - spec.demand
        self.granted[spec.lease] = Granted(spec, spec.demand)
        ctx.send(self.pool, PopWorker(spec.lease), INSIDE)


@dataclass(slots=True, kw_only=True)
class ClampsTheWildcard(LeaseManager):
    """The CPU of any bundle stops at nothing where that of one bundle goes below it (D15)."""

    def unblock(self, worker: Name) -> None:
        LeaseManager.unblock(self, worker)
        clamped = {name: amount if wildcard_of(name) else max(0, amount) for name, amount in self.free.units}
        self.free = Resources.from_units(clamped)


@dataclass(slots=True, kw_only=True)
class ReturnsByWorker(LeaseManager):
    """A return ends whatever lease its worker has (D12)."""

    had: dict[LeaseId, Name] = field(default_factory=dict)
    """The worker that each lease had."""

    def popped(self, ctx: Context, lease: LeaseId, worker: Name) -> None:
        self.had[lease] = worker
        LeaseManager.popped(self, ctx, lease, worker)

    def returned(self, ctx: Context, lease: LeaseId, dead: bool) -> None:
        for other, held in sorted(self.granted.items()):
            if held.worker and held.worker == self.had.get(lease):
                LeaseManager.returned(self, ctx, other, dead)


@dataclass(slots=True, kw_only=True)
class CountsCpusOnly(LeaseManager):
    """How full a node's object store is does not count (D16)."""

    def decide(self, me: Name, spec: LeaseSpec, *, prefer_local: bool | None = None) -> Decision:
        known = list(self.nodes(me))
        self.table[:] = [replace(node, total=Resources.from_units({"CPU": node.total.fixed("CPU")})) for node in known]
        found = LeaseManager.decide(self, me, spec, prefer_local=prefer_local)
        self.table[:] = known
        return found


@dataclass(slots=True, kw_only=True)
class ErasesWithoutAnAnswer(LeaseManager):
    """What has become infeasible while it was queued leaves the queue, and nobody is told (D09)."""

    def cannot(self, ctx: Context, spec: LeaseSpec) -> None:
        pass


@dataclass(slots=True, kw_only=True)
class StaysAtABusyNode(LeaseManager):
    """A soft affinity gives way to death only, whatever it says of a busy node (D07)."""

    def decide(self, me: Name, spec: LeaseSpec, *, prefer_local: bool | None = None) -> Decision:
        if isinstance(spec.strategy, NodeAffinity):
            spec = replace(spec, strategy=replace(spec.strategy, spill_on_unavailable=False))
        return LeaseManager.decide(self, me, spec, prefer_local=prefer_local)


@dataclass(slots=True, kw_only=True)
class NeverReconsiders(LeaseManager):
    """What is queued on a node stays there, whatever becomes free elsewhere (D03)."""

    def moves_on(self, ctx: Context, spec: LeaseSpec) -> bool:
        return False


@dataclass(slots=True, kw_only=True)
class AnswersNoCancel(LeaseManager):
    """A request that is withdrawn is forgotten without a word."""

    def cancel(self, ctx: Context, owner: Name, lease: LeaseId) -> None:
        for queue in (self.to_schedule, self.waiting, *self.infeasible.values(), *self.to_grant.values()):
            queue[:] = [spec for spec in queue if spec.lease != lease]
        self.infeasible = {of: queue for of, queue in self.infeasible.items() if queue}
        self.to_grant = {of: queue for of, queue in self.to_grant.items() if queue}


@dataclass(slots=True, kw_only=True)
class FailsWhatIsBusy(LeaseManager):
    """A request for which no node has room now is told that none ever will."""

    def by_ray(self, ctx: Context, spec: LeaseSpec) -> None:
        if any(spec.demand.fits(Resources.from_units(node.free)) for node in self.nodes(ctx.me)):
            LeaseManager.by_ray(self, ctx, spec)
        else:
            ctx.send(spec.lease[0], LeaseCancelled(spec.lease, unschedulable=True))


@dataclass(slots=True, kw_only=True)
class SendsAway(LeaseManager):
    """A raylet with room names another one that has some, too."""

    def decide(self, me: Name, spec: LeaseSpec, *, prefer_local: bool | None = None) -> Decision:
        found = LeaseManager.decide(self, me, spec, prefer_local=prefer_local)
        others = [
            node.name
            for node in self.nodes(me)
            if node.name != me and node.usable and spec.demand.fits(Resources.from_units(node.free))
        ]
        if others and me in found.answer and not spec.redirected:
            return Decision(exactly(others[0]), found.cursor)
        return found


@dataclass(slots=True, kw_only=True)
class PacksPastTheThreshold(LeaseManager):
    """A raylet that has room keeps a request, however full it is."""

    def decide(self, me: Name, spec: LeaseSpec, *, prefer_local: bool | None = None) -> Decision:
        options = LeaseOptions(prefer_local=True)
        return best_for_lease(self.nodes(me), Request(spec.demand), spec.strategy, me, self.cursor, options)


@dataclass(slots=True, kw_only=True)
class WaitsForTheDead(LeaseSubmitter):
    """A request to a raylet that has died is never asked again (D04)."""

    def node_died(self, ctx: Context, node: Name) -> None:
        asked = {number: each for number, each in self.requests.items() if each.node == node}
        self.requests = {number: each for number, each in self.requests.items() if number not in asked}
        LeaseSubmitter.node_died(self, ctx, node)
        self.requests = {**self.requests, **asked}


@dataclass(slots=True, kw_only=True)
class AsksTheDead(LeaseSubmitter):
    """A raylet that is known to be dead is asked when another names it."""

    def sent_on(self, ctx: Context, sender: Name, number: int, node: Name) -> None:
        asked = self.requests.get(number)
        if asked is not None:
            self.ask(ctx, asked.key, replace(asked.spec, redirected=True), node)


@dataclass(slots=True, kw_only=True)
class AsksForTheImpossible(LeaseSubmitter):
    """A request that no node can ever fulfil is repeated."""

    def cancelled(self, ctx: Context, number: int, answer: LeaseCancelled) -> None:
        if answer.unschedulable and number in self.requests:
            self.start_over(ctx, self.requests[number])
        else:
            LeaseSubmitter.cancelled(self, ctx, number, answer)


@dataclass(slots=True, kw_only=True)
class IgnoresLateGrants(LeaseSubmitter):
    """A worker that comes when there is nothing left to run is not given back (D50)."""

    def give_back(self, ctx: Context, number: int, node: Name, *, dead: bool = False) -> None:
        self.leased.pop(number, None)


@dataclass(slots=True, kw_only=True)
class ForgetsToReply(LeaseSubmitter):
    """The word of a task's end stays with the submitter."""

    def replied(self, ctx: Context, reply: TaskReply) -> None:
        number = self.lease_of(reply.task, reply.attempt)
        if number is not None:
            held = self.leased.pop(number)
            self.use(ctx, number, held.key, held.node, held.worker)


TODAY_BUGS = (
    Bug(
        "sends_before_arguments_exist",
        "A task is sent to a worker before its argument has been made.",
        {TaskManager: SendsTooEarly},
        "refines_the_task_graph",
        "today-chain",
    ),
    Bug(
        "runs_again_for_nothing",
        "After a death, tasks whose results are safe run again.",
        {TaskManager: RunsAgainForNothing},
        "refines_the_task_graph",
        "today-crash",
    ),
    Bug(
        "gives_up_at_once",
        "A task fails at the first death, although it may be retried.",
        {TaskManager: GivesUpAtOnce},
        "refines_the_task_graph",
        "today-crash",
    ),
    Bug(
        "gives_the_next_value",
        "A get returns a value that no attempt has made.",
        {TaskManager: GivesTheNextValue},
        "refines_the_task_graph",
        "today-plain",
    ),
    Bug(
        "pops_without_taking",
        "A worker that was given away is given away again.",
        {WorkerPool: PopsWithoutTaking},
        "a_worker_has_one_lease",
        "today-spread",
    ),
    Bug(
        "knows_no_ids",
        "A request that arrives twice is served twice.",
        {LeaseManager: KnowsNoIds},
        "a_request_is_known_once",
        "today-duplicates",
    ),
    Bug(
        "grants_without_taking",
        "A worker is given away, and its resources stay free.",
        {LeaseManager: GrantsWithoutTaking},
        "free_and_leased_add_up",
        "today-wide",
    ),
    Bug(
        "grants_while_draining",
        "A draining node goes on granting what it is asked for.",
        {LeaseManager: GrantsWhileDraining},
        "the_draining_grant_nothing",
        "today-drain",
    ),
    Bug(
        "asks_the_dead",
        "An owner asks a raylet of whose death it has heard.",
        {LeaseSubmitter: AsksTheDead},
        "the_draining_grant_nothing",
        "today-crash",
        also=("no_body_waits_for_ever", "every_task_that_fits_ends"),
    ),
    Bug(
        "redirects_again",
        "A request is redirected from raylet to raylet.",
        {LeaseManager: RedirectsAgain},
        "a_redirected_request_is_not_sent_on",
        "today-drain",
        also=("a_request_hops_once",),
    ),
    Bug(
        "keeps_the_cpu",
        "A task that waits for its child keeps the CPU that the child needs (D10).",
        {LeaseManager: KeepsTheCpu},
        "no_body_waits_for_ever",
        "today-nested",
        "Ray #231",
        also=("every_task_that_fits_ends", "every_worker_comes_back", "some_body_overdraws"),
    ),
    Bug(
        "has_no_cap",
        "Parents are started one after the other, and all wait for children that come last (D11).",
        {LeaseManager: HasNoCap},
        "waiting_workers_are_capped",
        "today-nested",
        "Ray #3644",
    ),
    Bug(
        "never_lifts_the_cap",
        "A task that waits for another of its class keeps it from starting.",
        {LeaseManager: NeverLiftsTheCap},
        "no_body_waits_for_ever",
        "today-recursion",
        "Ray 2.60 local_lease_manager.cc, SchedulingClassInfo",
        also=("every_task_that_fits_ends", "every_worker_comes_back"),
    ),
    Bug(
        "takes_the_wildcard_alone",
        "What is free in any bundle and what is free in each of them drift apart (D15).",
        {LeaseManager: TakesTheWildcardAlone},
        "a_wildcard_goes_with_its_bundles",
        "today-bundles",
        "Ray #50517",
    ),
    Bug(
        "never_reconsiders_leases",
        "A request that is queued on a node is never sent on to one that has become free (D03).",
        {LeaseManager: NeverReconsiders},
        "no_body_waits_for_ever",
        "today-stay",
        "Ray #12084",
        also=("every_task_that_fits_ends",),
    ),
    Bug(
        "answers_no_cancel",
        "An owner waits for the answer to a request that it has withdrawn.",
        {LeaseManager: AnswersNoCancel},
        "no_request_is_forgotten",
        "today-plain",
    ),
    Bug(
        "fails_what_is_busy",
        "A task for which there is no room now fails for ever.",
        {LeaseManager: FailsWhatIsBusy},
        "refines_the_task_graph",
        "today-plain",
        also=("nothing_fails_by_itself",),
    ),
    Bug(
        "sends_away",
        "An idle node with room sends a request elsewhere.",
        {LeaseManager: SendsAway},
        "a_fit_on_the_idle_own_node_is_kept",
        "today-plain",
    ),
    Bug(
        "packs_past_the_threshold",
        "A node goes on taking tasks past the threshold while another is idle.",
        {LeaseManager: PacksPastTheThreshold},
        "the_less_used_node_goes_first",
        "today-wide",
    ),
    Bug(
        "waits_for_the_dead",
        "An owner waits for the answer of a raylet that has died.",
        {LeaseSubmitter: WaitsForTheDead},
        "no_body_waits_for_ever",
        "today-crash",
        also=("every_task_that_fits_ends",),
    ),
    Bug(
        "tells_no_caller",
        "A constructor fails for an argument, and who calls the actor waits for ever.",
        {TaskManager: TellsNoCaller},
        "no_body_waits_for_ever",
        "today-actor-never",
        also=("every_task_that_fits_ends",),
    ),
    Bug(
        "retries_calls_in_reverse",
        "Calls that are retried together begin in another order than they were made.",
        {ActorCalls: RetriesInReverse},
        "refines_the_task_graph",
        "today-calls-again",
        "Ray 2.60 sequential_actor_submit_queue.cc",
    ),
    Bug(
        "serves_the_dead",
        "A request whose owner has died is granted, and nobody returns the worker.",
        {LeaseManager: ServesTheDead},
        "every_worker_comes_back",
        "today-owner-crash",
        "Ray 2.60 local_lease_manager.cc, is_owner_alive_",
    ),
    Bug(
        "ignores_late_grants",
        "A worker that is not needed any more is not returned.",
        {LeaseSubmitter: IgnoresLateGrants},
        "every_worker_comes_back",
        "today-plain",
    ),
    Bug(
        "forgets_to_reply",
        "A task has ended, and its owner does not hear of it.",
        {LeaseSubmitter: ForgetsToReply},
        "no_body_waits_for_ever",
        "today-chain",
        also=("every_task_that_fits_ends",),
    ),
    Bug(
        "clamps_the_wildcard",
        "After a get the CPUs of a bundle and those of its group drift apart (D15).",
        {LeaseManager: ClampsTheWildcard},
        "free_and_leased_add_up",
        "today-bundle-get",
        "Ray #50517",
        also=("a_wildcard_goes_with_its_bundles",),
    ),
    Bug(
        "returns_by_worker",
        "A worker that is returned twice is taken from the lease that has it now (D12).",
        {LeaseManager: ReturnsByWorker},
        "a_worker_gets_one_task_at_a_time",
        "today-duplicates",
        "Ray #55469",
        also=("bodies_run_on_leases",),
    ),
    Bug(
        "counts_cpus_only",
        "Tasks go on to the head node although its object store is past the threshold (D16).",
        {LeaseManager: CountsCpusOnly},
        "the_less_used_node_goes_first",
        "today-store",
        "Ray #16027",
    ),
    Bug(
        "erases_without_an_answer",
        "A request that can no longer be served disappears, and its owner waits (D09).",
        {LeaseManager: ErasesWithoutAnAnswer},
        "no_request_is_forgotten",
        "today-bound",
        "Ray #52295",
        also=("no_body_waits_for_ever",),
    ),
    Bug(
        "stays_at_a_busy_node",
        "A task that may leave a busy node waits there while others are idle (D07).",
        {LeaseManager: StaysAtABusyNode},
        "a_busy_node_lets_go",
        "today-leave",
        "Ray #33835",
    ),
    Bug(
        "asks_for_the_impossible",
        "A request for a worker that no node can ever grant is answered and made again.",
        {LeaseSubmitter: AsksForTheImpossible},
        "no_body_waits_for_ever_some_day",
        "today-classes",
        "bug benchmark L4",
        ("comes_to_rest",),
        spins=True,
    ),
)
"""The planted bugs of clusters of today's Ray."""
