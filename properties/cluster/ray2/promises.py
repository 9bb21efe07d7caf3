"""Promises that papers and Ray's documentation make of scheduling, each on a small scope that can break it.

What a task is bound to, and how often a request is sent on, is owed by every policy; locality and the balance of SPREAD
are Ray's own choices.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from rayproof.model.graph import Default, NodeAffinity, Spread
from rayproof.model.kernel import Name, StateView, always
from rayproof.model.scheduler.ray2.lease_manager import LeaseManager
from rayproof.model.scheduler.ray2.submitter import LeaseSubmitter
from rayproof.model.wire.ray2.leases import Decided, LeaseAsked, LeaseId, Redirected
from rayproof.model.workers.ray2.body import Body


@always(Body, LeaseManager, source="Ray 2.60 node_affinity_scheduling_policy.cc; notes, target 1")
def bound_tasks_run_where_bound(view: StateView) -> bool:
    """What is bound to a node runs there, or nowhere."""
    raylets = view.of(LeaseManager)
    homes = {seat.id: name for raylet in raylets.values() for name, seat in raylet.seats.items()}
    for body in view.of(Body).values():
        for task in body.frames:
            strategy = body.program.tasks[task].strategy if task in body.program.tasks else None
            if isinstance(strategy, NodeAffinity) and not strategy.soft and homes.get(strategy.node) != body.raylet:
                return False
    return True


@dataclass(frozen=True, slots=True)
class Hops:
    """Monitor: requests that stand where another raylet sent them, by what was observed alone."""

    named: frozenset[tuple[LeaseId, Name]] = frozenset()
    """A raylet has named another one, and the owner has not asked again yet."""
    moved: frozenset[LeaseId] = frozenset()
    twice: bool = False

    def observe(self, event: object) -> Hops:
        """Fold one event: naming after naming, with nothing but a question between them, is a second hop."""
        match event:
            case Redirected(lease, node=node):
                return replace(self, named=self.named | {(lease, node)}, twice=self.twice or lease in self.moved)
            case LeaseAsked(lease, node):
                moved = self.moved | {lease} if (lease, node) in self.named else self.moved - {lease}
                return replace(self, named=frozenset(each for each in self.named if each[0] != lease), moved=moved)
            case _:
                return self


@always(source="Ray 2.60 cluster_lease_manager.cc, ScheduleOnNode; OSDI 2018 section 4.2.2", monitors=(Hops,))
def a_request_hops_once(view: StateView) -> bool:
    """From its owner's question a request is sent on once at most, until its owner starts over."""
    return not view.monitor(Hops).twice


@dataclass(frozen=True, slots=True)
class Rounds:
    """Monitor: how often a raylet chose each node for a SPREAD request while the others had room, too."""

    chosen: tuple[tuple[Name, int], ...] = ()
    unfair: bool = False

    def observe(self, event: object) -> Rounds:
        """Fold one event; a node without room has no turn."""
        if not isinstance(event, Decided) or not isinstance(event.strategy, Spread) or event.redirected:
            return self
        counts = Counter(dict(self.chosen))
        fits = [name for name, _, free in event.seen if event.demand.fits(free)]
        unfair = event.chosen in fits and any(counts[name] < counts[event.chosen] for name in fits)
        counts[event.chosen] += 1
        return Rounds(tuple(sorted(counts.items())), self.unfair or unfair)


@always(source="Ray 2.60 spread_scheduling_policy.cc; Ray #23595; bug benchmark D05, Q1", monitors=(Rounds,))
def spread_goes_round(view: StateView) -> bool:
    """Of the nodes with room a SPREAD request goes to none that had more of them before than another."""
    return not view.monitor(Rounds).unfair


@always(LeaseSubmitter, source="Ray 2.60 lease_policy.cc, GetBestNodeIdForLease; Ray #49258; bug benchmark D06, Q2")
def the_most_local_node_is_asked(view: StateView) -> bool:
    """A request with large arguments goes first to a node that has the most of their bytes."""
    for submitter in view.of(LeaseSubmitter).values():
        for asked in submitter.requests.values():
            spec = asked.spec
            if spec.redirected or not spec.args or not isinstance(spec.strategy, Default):
                continue
            held: Counter[Name] = Counter()
            for argument in spec.args:
                held.update(dict.fromkeys(argument.nodes, argument.size_bytes))
            # Where a node with copies has died since, the owner may have known it.
            if held and not submitter.dead & set(held) and held[asked.node] < max(held.values()):
                return False
    return True
