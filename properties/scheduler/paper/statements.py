"""What must hold of scheduling in particular; the rest of what must hold of a cluster is in `cluster`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from rayproof.model.gcs.paper.chained import ChainedStore
from rayproof.model.gcs.paper.protocol import InputLocations, TaskAssigned
from rayproof.model.graph import Default, NodeAffinity, TaskId
from rayproof.model.kernel import Name, Statement, StateView, Taken, always, audit, first, slot_of, sometimes, step
from rayproof.model.scheduler.paper.events import Granted, InputsLocal, Rejected, Started
from rayproof.model.scheduler.paper.global_scheduler import GlobalScheduler
from rayproof.model.scheduler.paper.protocol import AssignTask, ForwardTask
from rayproof.model.scheduler.paper.raylet import Raylet
from rayproof.model.scheduler.paper.replicas import AssignedElsewhere, SharingScheduler
from rayproof.model.scheduler.paper.worker import Driver
from rayproof.model.scheduler.ray import Argument
from rayproof.model.scheduler.ray.locality import most_bytes


@dataclass(frozen=True, slots=True)
class Grants:
    """Monitor: how often each task was given to a node, and how many tasks each node was given."""

    by_task: tuple[tuple[TaskId, int], ...] = ()
    by_node: tuple[tuple[Name, int], ...] = ()

    def observe(self, event: object) -> Grants:
        """Fold one event."""
        if not isinstance(event, Granted):
            return self
        tasks, nodes = Counter(dict(self.by_task)), Counter(dict(self.by_node))
        tasks[event.task] += 1
        nodes[event.node] += 1
        return Grants(tuple(sorted(tasks.items())), tuple(sorted(nodes.items())))


@dataclass(frozen=True, slots=True)
class Overtaking:
    """Monitor: tasks ready to start on each node, in the order in which they became so, and who overtook whom."""

    ready: tuple[tuple[TaskId, Name], ...] = ()
    pairs: tuple[tuple[TaskId, TaskId], ...] = ()
    """(overtaken, overtaker)."""

    def observe(self, event: object) -> Overtaking:
        """Fold one event."""
        match event:
            case InputsLocal(task, node) if (task, node) not in self.ready:
                return replace(self, ready=(*self.ready, (task, node)))
            case Started(task, node) if (task, node) in self.ready:
                at = self.ready.index((task, node))
                passed = {(other, task) for other, where in self.ready[:at] if where == node}
                rest = (*self.ready[:at], *self.ready[at + 1 :])
                return Overtaking(rest, tuple(sorted({*self.pairs, *passed})))
            case _:
                return self


@dataclass(frozen=True, slots=True)
class Rejections:
    """Monitor: tasks that were given up."""

    tasks: tuple[TaskId, ...] = ()

    def observe(self, event: object) -> Rejections:
        """Fold one event."""
        if isinstance(event, Rejected) and event.task not in self.tasks:
            return Rejections(tuple(sorted((*self.tasks, event.task))))
        return self


@always(
    GlobalScheduler, source="Ray 2.60 node_affinity_scheduling_policy.cc, NodeResources::IsFeasible; notes, target 1"
)
def legal_placement(view: StateView) -> str | None:
    """Every task is assigned to a node that its affinity allows and that could run it if empty."""
    for scheduler in view.of(GlobalScheduler).values():
        specs = dict(scheduler.cluster)
        by_id = {spec.id: name for name, spec in scheduler.cluster}
        for node, state in scheduler.nodes.items():
            for task in state.pending:
                wanted = scheduler.program.tasks[task]
                if not wanted.demand.fits(specs[node].total):
                    return f"{task} asks for {wanted.demand}, {node} has {specs[node].total}"
                affinity = wanted.strategy
                if isinstance(affinity, NodeAffinity) and affinity.node != specs[node].id:
                    target = by_id.get(affinity.node)
                    possible = target in scheduler.nodes and wanted.demand.fits(specs[target].total)
                    if not affinity.soft or possible:
                        return f"{task} is given to {node}, its affinity is with {target or affinity.node}"
    return None


@always(source="OSDI 2018 §4.2.2: bottom-up, one global decision; bug benchmark D02, L4", monitors=(Grants,))
def bounded_hops(view: StateView) -> str | None:
    """Without failures, the global scheduler assigns a task at most once."""
    counts = view.monitor(Grants).by_task
    return first(f"{task} was given away {count} times" for task, count in counts if count > 1)


@always(Raylet, each=True, source="Ray #17154; bug benchmark D14")
def no_head_of_line_blocking_across_classes(raylet: Raylet) -> str | None:
    """No task that could start now waits behind one that could not."""
    if not raylet.idle:
        return None
    return first(f"{task} could start and waits" for task in raylet.queue if raylet.can_start(task))


@always(source="Ray 2.60 spread_scheduling_policy.cc; Ray #23595; bug benchmark D05, Q1", monitors=(Grants,))
def spread_balance(view: StateView) -> str | None:
    """SPREAD tasks that all fit go to the nodes in turn: no node is given two more than another."""
    counts = dict(view.monitor(Grants).by_node)
    if len(counts) < 2 and max(counts.values(), default=0) <= 1:
        return None
    most, least = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    fewest = counts[least] if len(counts) > 1 else 0
    if counts[most] - fewest <= 1:
        return None
    return f"{most} was given {counts[most]} tasks, {least if len(counts) > 1 else 'every other node'} {fewest}"


@step(GlobalScheduler, links=("*", "scheduler*"), source="Ray 2.60 lease_policy.cc; Ray #49258; bug benchmark D06, Q2")
def locality_respected(before: StateView, taken: Taken, after: StateView) -> str | None:
    """A task goes to the node that holds most of its input bytes, if the scheduler knows of room there."""
    then, now = before.one(GlobalScheduler), after.one(GlobalScheduler)
    if then is None or now is None:
        return None
    told = {m.task: m.locations for _, _, _, m in before.messages() if isinstance(m, InputLocations)}
    for node, state in now.nodes.items():
        fresh = [task for task in state.pending if node not in then.nodes or task not in then.nodes[node].pending]
        for task in fresh:
            spec = now.program.tasks[task]
            sizes = now.program.objects
            if spec.inputs and task not in then.asked:
                return f"{task} is given to {node} before anybody was asked where its inputs are"
            best = most_bytes([Argument(sizes[made].size_bytes, nodes) for made, nodes in told.get(task, ())])
            if best is None or best == node or best not in then.nodes or best not in now.nodes:
                continue
            known = then.made_view(then.number(best)), now.made_view(now.number(best))
            if isinstance(spec.strategy, Default) and all(seen.fits_now(spec.demand) for seen in known):
                return f"{task} is given to {node}; {best} holds most of its input bytes and has room"
    return None


@always(GlobalScheduler, source="Ray 2.60 cluster_lease_manager.cc, infeasible queue; Ray #39691, bug benchmark D63")
def infeasible_never_blocks_feasible(view: StateView) -> str | None:
    """A task that no node can ever run does not keep one waiting for which there is room."""
    for scheduler in view.of(GlobalScheduler).values():
        heads = [waiting[0][0] for waiting in scheduler.deferred.values()]
        blocked = [task for task in heads if not scheduler.options(task)]
        for task in heads:
            demand = scheduler.program.tasks[task].demand
            if blocked and any(option.fits_now(demand) for option in scheduler.options(task)):
                return f"{task} waits although there is room, beside {blocked[0]}, which no node can run"
    return None


@audit(Driver, source="bug benchmark L2; Ray #52295, bug benchmark D09")
def every_request_answered(view: StateView) -> str | None:
    """At rest, the driver has got every result, or was told that it failed."""
    return first(f"{name} still waits" for name, driver in view.of(Driver).items() if not driver.done)


@always(Raylet, source="bug benchmark §6: a node boots longer than a task may wait; D60", monitors=(Rejections,))
def no_feasible_work_rejected(view: StateView) -> str | None:
    """No task is given up that a node of the cluster could run, one that is still booting included."""
    nodes = view.of(Raylet)
    return first(
        f"{task} is given up, {name} could run it"
        for task in view.monitor(Rejections).tasks
        for name, raylet in nodes.items()
        if raylet.program.tasks[task].demand.fits(raylet.total)
    )


def starvation_bound_of(most: int) -> Statement:
    """The statement that no ready task is overtaken on its node by more than so many of its class."""

    def starvation_bound(view: StateView) -> str | None:
        """No ready task is overtaken on its node by more tasks of its class than the bound allows."""
        raylets = view.of(Raylet)
        if not raylets:
            return None
        tasks = next(iter(raylets.values())).program.tasks
        overtaken = Counter(
            old for old, young in view.monitor(Overtaking).pairs if tasks[old].demand == tasks[young].demand
        )
        return first(
            f"{task} is overtaken by {count} tasks of its class, the bound is {most}"
            for task, count in overtaken.items()
            if count > most
        )

    return always(Raylet, source="bug benchmark §5 wish 1: who can starve, and for how long", monitors=(Overtaking,))(
        starvation_bound
    )


starvation_bound = starvation_bound_of(0)
"""The local scheduler's own order is first come, first served in each class."""


@always(
    SharingScheduler,
    ChainedStore,
    links=("*", "*"),
    source="OSDI 2018 §4.2.2: replicas share their information through the GCS; bug benchmark D01 between replicas",
)
def replicas_count_what_others_assign(view: StateView) -> str | None:
    """A task that one replica has assigned and that has not arrived counts as load with every replica that was told."""
    schedulers = view.of(SharingScheduler)
    if not schedulers:
        return None
    messages = view.messages()
    assigned = [(sender, node, m.task) for sender, node, _, m in messages if isinstance(m, AssignTask)]
    if not assigned:
        return None
    unsaid = {m.task for _, _, _, m in messages if isinstance(m, TaskAssigned)}
    for store in view.of(ChainedStore).values():
        unsaid |= {m.task for _, m in store.requests if isinstance(m, TaskAssigned)}
    on_the_way = {(receiver, m.task) for _, receiver, _, m in messages if isinstance(m, AssignedElsewhere)}
    for sender, node, task in assigned:
        for name, scheduler in schedulers.items():
            state = scheduler.nodes.get(node)
            if state is None or (name != sender and (task in unsaid or (name, task) in on_the_way)):
                continue
            known = state.pending if name == sender else scheduler.assigned_elsewhere(node)
            if task not in known:
                return f"{sender} has assigned {task} to {node}, {name} does not count it"
    return None


@always(links=("*", "scheduler*"), source="OSDI 2018 §4.2.2; bug benchmark L4: no ping-pong between schedulers")
def one_replica_places_a_task(view: StateView) -> str | None:
    """A scheduler replica places every task that it is given, and hands none to another replica."""
    return first(
        f"{sender} hands {message.task} on to {to}"
        for sender, to, _, message in view.messages()
        if isinstance(message, ForwardTask) and slot_of(sender).startswith("scheduler")
    )


@sometimes(SharingScheduler, source="OSDI 2018 §4.2.2")
def two_replicas_assign_to_one_node(view: StateView) -> str | None:
    """Two scheduler replicas have assigned tasks to the same node, and one has heard of the other."""
    return first(
        f"{name} and another one have assigned to {node}"
        for name, scheduler in view.of(SharingScheduler).items()
        for node, state in scheduler.nodes.items()
        if state.pending and scheduler.assigned_elsewhere(node)
    )


REPLICAS = (replicas_count_what_others_assign, one_replica_places_a_task, two_replicas_assign_to_one_node)
"""Checked where there are several global schedulers."""
