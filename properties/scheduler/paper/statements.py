"""What must hold of scheduling in particular; the rest of what must hold of a cluster is in `cluster`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from rayproof.model.gcs.paper.chained import ChainedStore
from rayproof.model.gcs.paper.protocol import InputLocations, TaskAssigned
from rayproof.model.graph import Default, NodeAffinity, TaskId
from rayproof.model.kernel import Name, Statement, StateView, Taken, always, audit, slot_of, sometimes, step
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
def legal_placement(view: StateView) -> bool:
    """Every task is given to a node that could run it when empty and that its affinity allows."""
    for scheduler in view.of(GlobalScheduler).values():
        specs = dict(scheduler.cluster)
        by_id = {spec.id: name for name, spec in scheduler.cluster}
        for node, state in scheduler.nodes.items():
            for task in state.pending:
                wanted = scheduler.program.tasks[task]
                if not wanted.demand.fits(specs[node].total):
                    return False
                affinity = wanted.strategy
                if isinstance(affinity, NodeAffinity) and affinity.node != specs[node].id:
                    target = by_id.get(affinity.node)
                    possible = target in scheduler.nodes and wanted.demand.fits(specs[target].total)
                    if not affinity.soft or possible:
                        return False
    return True


@always(source="OSDI 2018 §4.2.2: bottom-up, one global decision; bug benchmark D02, L4", monitors=(Grants,))
def bounded_hops(view: StateView) -> bool:
    """Without a failure a task is given away by the global scheduler at most once."""
    return all(count <= 1 for _, count in view.monitor(Grants).by_task)


@always(Raylet, each=True, source="Ray #17154; bug benchmark D14")
def no_head_of_line_blocking_across_classes(raylet: Raylet) -> bool:
    """No task whose inputs, resources and worker are there waits behind one whose are not."""
    return not raylet.idle or not any(raylet.can_start(task) for task in raylet.queue)


@always(source="Ray 2.60 spread_scheduling_policy.cc; Ray #23595; bug benchmark D05, Q1", monitors=(Grants,))
def spread_balance(view: StateView) -> bool:
    """SPREAD tasks that all fit go to the nodes in turn: no node is given two more than another."""
    counts = dict(view.monitor(Grants).by_node)
    return not counts or max(counts.values()) - (min(counts.values()) if len(counts) > 1 else 0) <= 1


@step(GlobalScheduler, links=("*", "scheduler*"), source="Ray 2.60 lease_policy.cc; Ray #49258; bug benchmark D06, Q2")
def locality_respected(before: StateView, taken: Taken, after: StateView) -> bool:
    """A task goes to the node that holds most of its input bytes, if the scheduler knows of room there."""
    then, now = before.one(GlobalScheduler), after.one(GlobalScheduler)
    if then is None or now is None:
        return True
    told = {m.task: m.locations for _, _, _, m in before.messages() if isinstance(m, InputLocations)}
    for node, state in now.nodes.items():
        fresh = [task for task in state.pending if node not in then.nodes or task not in then.nodes[node].pending]
        for task in fresh:
            spec = now.program.tasks[task]
            sizes = now.program.objects
            if spec.inputs and task not in then.asked:
                return False
            best = most_bytes([Argument(sizes[made].size_bytes, nodes) for made, nodes in told.get(task, ())])
            if best is None or best == node or best not in then.nodes or best not in now.nodes:
                continue
            known = then.made_view(then.number(best)), now.made_view(now.number(best))
            if isinstance(spec.strategy, Default) and all(seen.fits_now(spec.demand) for seen in known):
                return False
    return True


@always(GlobalScheduler, source="Ray 2.60 cluster_lease_manager.cc, infeasible queue; Ray #39691, bug benchmark D63")
def infeasible_never_blocks_feasible(view: StateView) -> bool:
    """While a task waits that no node can ever run, none waits for which the scheduler knows of room."""
    for scheduler in view.of(GlobalScheduler).values():
        heads = [waiting[0][0] for waiting in scheduler.deferred.values()]
        blocked = [task for task in heads if not scheduler.options(task)]
        for task in heads:
            demand = scheduler.program.tasks[task].demand
            if blocked and any(option.fits_now(demand) for option in scheduler.options(task)):
                return False
    return True


@audit(Driver, source="bug benchmark L2; Ray #52295, bug benchmark D09")
def every_request_answered(view: StateView) -> bool:
    """When nothing more can happen, the driver waits for nothing: it got its results or was told that they failed."""
    return all(driver.done for driver in view.of(Driver).values())


@always(Raylet, source="bug benchmark §6: a node boots longer than a task may wait; D60", monitors=(Rejections,))
def no_feasible_work_rejected(view: StateView) -> bool:
    """No task is given up that a node of the cluster could run, one that is still booting included."""
    nodes = view.of(Raylet).values()
    return not any(
        raylet.program.tasks[task].demand.fits(raylet.total)
        for task in view.monitor(Rejections).tasks
        for raylet in nodes
    )


def starvation_bound_of(most: int) -> Statement:
    """The statement that no ready task is overtaken on its node by more than so many of its class."""

    def starvation_bound(view: StateView) -> bool:
        """No ready task is overtaken on its node by more than the bound of other tasks of its class."""
        raylets = view.of(Raylet)
        if not raylets:
            return True
        tasks = next(iter(raylets.values())).program.tasks
        overtaken = Counter(
            old for old, young in view.monitor(Overtaking).pairs if tasks[old].demand == tasks[young].demand
        )
        return all(count <= most for count in overtaken.values())

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
def replicas_count_what_others_assign(view: StateView) -> bool:
    """What one replica assigned and has not arrived counts as load with each other one that has been told."""
    schedulers = view.of(SharingScheduler)
    if not schedulers:
        return True
    messages = view.messages()
    assigned = [(sender, node, m.task) for sender, node, _, m in messages if isinstance(m, AssignTask)]
    if not assigned:
        return True
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
                return False
    return True


@always(links=("*", "scheduler*"), source="OSDI 2018 §4.2.2; bug benchmark L4: no ping-pong between schedulers")
def one_replica_places_a_task(view: StateView) -> bool:
    """A replica that is given a task keeps it until it has placed it; it hands it to no other."""
    return not any(
        isinstance(message, ForwardTask) and slot_of(sender).startswith("scheduler")
        for sender, _, _, message in view.messages()
    )


@sometimes(SharingScheduler, source="OSDI 2018 §4.2.2")
def two_replicas_assign_to_one_node(view: StateView) -> bool:
    """Some replica hears that another one has assigned to a node to which it has assigned itself."""
    return any(
        state.pending and scheduler.assigned_elsewhere(node)
        for scheduler in view.of(SharingScheduler).values()
        for node, state in scheduler.nodes.items()
    )


REPLICAS = (replicas_count_what_others_assign, one_replica_places_a_task, two_replicas_assign_to_one_node)
"""Checked where there are several global schedulers."""
