"""Planted bugs for the promises of papers and documentation (`promises.py`)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rayproof.model.graph import Default, NodeAffinity, Strategy, TaskId
from rayproof.model.kernel import Context, Name
from rayproof.model.scheduler.ray import Decision, LeaseOptions, Request, best_for_lease
from rayproof.model.scheduler.ray2.lease_manager import LeaseManager
from rayproof.model.scheduler.ray2.submitter import LeaseSubmitter
from rayproof.model.wire.ray2.leases import LeaseSpec
from rayproof.model.wire.ray2.workers import SendTask
from rayproof.model.workers.ray2.task_manager import TaskManager
from rayproof.properties.bug import Bug


@dataclass(slots=True, kw_only=True)
class SpreadsFromTheFirst(LeaseManager):
    """The round of SPREAD begins at the first node each time (D05)."""

    def decide(self, me: Name, spec: LeaseSpec, *, prefer_local: bool | None = None) -> Decision:
        options = LeaseOptions(prefer_local=False, hybrid=self.settings)
        return best_for_lease(self.nodes(me), Request(spec.demand), spec.strategy, me, 0, options)


@dataclass(slots=True, kw_only=True)
class HopsAgain(LeaseManager):
    """A raylet without room forgets that a request was redirected to it, and sends it on."""

    def put(self, ctx: Context, spec: LeaseSpec, node: Name, *, asked: bool) -> None:
        if node != ctx.me:
            self.redirect(ctx, replace(spec, redirected=False), node)
        else:
            LeaseManager.put(self, ctx, spec, node, asked=asked)


@dataclass(slots=True, kw_only=True)
class ForgetsTheBinding(TaskManager):
    """A hard affinity is a wish."""

    def strategy(self, task: TaskId) -> Strategy:
        found = TaskManager.strategy(self, task)
        return Default() if isinstance(found, NodeAffinity) else found


@dataclass(slots=True, kw_only=True)
class IgnoresLocality(LeaseSubmitter):
    """An owner asks its own raylet wherever the arguments are (D06)."""

    def target(self, head: SendTask) -> tuple[Name, bool]:
        return self.raylet, False


PROMISE_BUGS = (
    Bug(
        "spreads_from_the_first",
        "SPREAD begins with the same node every time (D05).",
        {LeaseManager: SpreadsFromTheFirst},
        "spread_goes_round",
        "today-rounds",
        "Ray #23595",
    ),
    Bug(
        "hops_again",
        "A request goes from raylet to raylet (D02).",
        {LeaseManager: HopsAgain},
        "a_request_hops_once",
        "today-drain",
        "Ray #16488",
    ),
    Bug(
        "forgets_the_binding",
        "A task that is bound to a node runs on another.",
        {TaskManager: ForgetsTheBinding},
        "bound_tasks_run_where_bound",
        "today-local",
    ),
    Bug(
        "ignores_locality_today",
        "A request goes to its owner's node first, although another has its arguments (D06).",
        {LeaseSubmitter: IgnoresLocality},
        "the_most_local_node_is_asked",
        "today-local",
        "Ray #49258",
    ),
)
"""The planted bugs of these promises."""
