"""What must hold of stores, transfer and pull admission."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rayproof.model.graph import ObjectId
from rayproof.model.kernel import StateView, always, audit, first, sometimes
from rayproof.model.objects.ray2.directory import Directory
from rayproof.model.objects.ray2.events import Aborted, ChunkSent, RoomGiven, SealedWith
from rayproof.model.objects.ray2.store import Store
from rayproof.model.objects.ray2.transfer import ObjectManager
from rayproof.model.objects.ray2.worker import ObjectWorker


@dataclass(frozen=True, slots=True)
class Contents:
    """Monitor: the content with which each object was first sealed, and an object that was given another one."""

    first: tuple[tuple[ObjectId, tuple[int, ...]], ...] = ()
    contradicted: ObjectId = ""

    def observe(self, event: object) -> Contents:
        """Fold one event."""
        if not isinstance(event, SealedWith) or self.contradicted:
            return self
        known = dict(self.first)
        if event.object not in known:
            return replace(self, first=tuple(sorted({**known, event.object: event.content}.items())))
        return self if known[event.object] == event.content else replace(self, contradicted=event.object)


@dataclass(frozen=True, slots=True)
class Overtaking:
    """Monitor: an object that was given room before one that had asked earlier."""

    first: str = ""

    def observe(self, event: object) -> Overtaking:
        """Fold one event."""
        if isinstance(event, RoomGiven) and event.passed and not self.first:
            return Overtaking(f"{event.object} was given room before one that had asked earlier")
        return self


@dataclass(frozen=True, slots=True)
class Inversion:
    """Monitor: an object of which a chunk was sent while the same node waited for the rest of another one."""

    first: str = ""

    def observe(self, event: object) -> Inversion:
        """Fold one event."""
        if isinstance(event, ChunkSent) and event.waiting and not self.first:
            return Inversion(f"a chunk of {event.object} was sent before the rest of another object")
        return self


@dataclass(frozen=True, slots=True)
class Aborts:
    """Monitor: how often each half-written object was given up on each node, up to two times."""

    times: tuple[tuple[int, ObjectId], ...] = ()

    def observe(self, event: object) -> Aborts:
        """Fold one event."""
        if not isinstance(event, Aborted):
            return self
        made = (event.node, event.object)
        return self if self.times.count(made) > 1 else Aborts(tuple(sorted((*self.times, made))))


@always(Store, each=True, source="Ray 2.60 plasma/eviction_policy.cc; bug benchmark S2")
def capacity_respected(store: Store) -> str | None:
    """A store never holds more than its capacity, and nobody uses an object that may be evicted."""
    if store.allocated() > store.capacity:
        return f"{store.allocated()} bytes are held, the capacity is {store.capacity}"
    for object_id in store.unused:
        entry = store.entries[object_id]
        if entry.users or entry.primary or not entry.sealed:
            return f"{object_id} may be evicted and is in use"
    return None


@always(source="OSDI 2018 §4.2.3: objects are immutable and copied whole", monitors=(Contents,))
def one_value_per_object(view: StateView) -> str | None:
    """Every copy of an object, whoever made or sent it, has the content of the first one."""
    contradicted = view.monitor(Contents).contradicted
    return f"{contradicted} has another content than before" if contradicted else None


@always(source="Ray 2.60 plasma/create_request_queue.cc; Ray #11772", monitors=(Overtaking,))
def room_given_in_order(view: StateView) -> str | None:
    """Room in a store is given in the order in which it was asked for, so that a large object cannot starve."""
    return view.monitor(Overtaking).first or None


@always(source="Ray #34270; bug benchmark Q5", monitors=(Inversion,))
def no_inversion_of_transfers(view: StateView) -> str | None:
    """No chunk of an object is sent to a node that waits for the rest of another object."""
    return view.monitor(Inversion).first or None


@always(source="Ray #14157; bug benchmark L4", monitors=(Aborts,))
def no_create_abort_cycle(view: StateView) -> str | None:
    """No node gives up the same half-written object a second time."""
    times = view.monitor(Aborts).times
    return first(f"node {node} gives up {made} again" for node, made in times if times.count((node, made)) > 1)


@audit(Store, Directory, source="Ray 2.60 ownership_object_directory.cc; Ray #62512, #12271, #7235")
def no_false_copies(view: StateView) -> str | None:
    """Wherever the owner believes an object to be on a live node, it is: in memory or on disk."""
    stores = {store.node: store for store in view.of(Store).values()}
    for name, owner in view.of(Directory).items():
        for object_id, _ in owner.sizes:
            for node in owner.places(object_id):
                store = stores.get(node)
                if store is not None and object_id not in store.disk:
                    entry = store.entries.get(object_id)
                    if entry is None or not entry.sealed:
                        return f"{name} believes {object_id} to be on node {node}, it is not there"
    return None


@audit(Store, ObjectManager, ObjectWorker, source="Ray #64627; bug benchmark S2: at quiescence nothing is held")
def pins_return_to_zero(view: StateView) -> str | None:
    """When every live worker has ended, no store holds anything for anybody."""
    if not all(worker.done for worker in view.of(ObjectWorker).values()):
        return None
    for name, store in view.of(Store).items():
        if store.readers or store.disk:
            return f"{name}: something is left in `{'readers' if store.readers else 'disk'}`"
        for object_id, entry in store.entries.items():
            if entry.users or entry.primary:
                return f"{name} still holds {object_id}"
    for name, manager in view.of(ObjectManager).items():
        for left in ("bundles", "here", "incoming"):
            if getattr(manager, left):
                return f"{name}: something is left in `{left}`"
    return None


@audit(Store, ObjectManager, source="Ray #24791, #15750, #11789; bug benchmark L1: no circular wait")
def no_circular_wait_through_memory(view: StateView) -> str | None:
    """At rest, nobody waits for memory, neither for room in a store nor for the admission of a pull."""
    for name, store in view.of(Store).items():
        for request in store.requests:
            if request.size <= store.capacity:
                return f"{request.object} waits for {request.size} bytes in {name}, which has {store.capacity}"
    for name, manager in view.of(ObjectManager).items():
        known = manager.sizes()
        for bundle in manager.bundles.values():
            if bundle.number not in manager.active and known.keys() >= set(bundle.objects):
                return f"the pull of {', '.join(bundle.objects)} waits at {name} to be admitted"
    return None


@audit(ObjectWorker, source="OSDI 2018 §4.2.3; bug benchmark L2")
def every_get_ends_in_value_or_error(view: StateView) -> str | None:
    """Every live worker has ended its jobs: each read gave a value or an error."""
    return first(f"{name} has not ended its jobs" for name, w in view.of(ObjectWorker).items() if not w.done)


@audit(ObjectWorker, Directory, source="OSDI 2018 §4.2.3; bug benchmark S1")
def no_lost_objects(view: StateView) -> str | None:
    """No read fails unless whoever could make the object is dead, or what it is made of is lost itself."""
    recipes = {job for worker in view.of(ObjectWorker).values() for job in worker.recipes}
    failed = [name for name, worker in view.of(ObjectWorker).items() if worker.errors]
    for owner in view.of(Directory).values():
        if failed and not owner.lost:
            return f"a read of {failed[0]} failed, and nothing is lost"
        for object_id in owner.lost:
            maker = next((w for name, w in owner.makers if name == object_id and w not in view.dead), None)
            made_of = {needed for job in recipes if object_id in job.makes for needed in job.reads}
            if maker is not None and made_of.isdisjoint(owner.lost):
                return f"{object_id} is called lost, {maker} lives and could make it"
    return None


@always(ObjectWorker, Store, source="OSDI 2018 §4.2.3: inputs are copied to the local store before execution")
def inputs_local_before_run(view: StateView) -> str | None:
    """While a worker runs, its arguments are in its node's memory and kept there for it."""
    stores = {store.node: store for store in view.of(Store).values()}
    for name, worker in view.of(ObjectWorker).items():
        if worker.jobs and worker.holds.issuperset(worker.jobs[0].reads):
            entries = stores[worker.node].entries
            for object_id in worker.jobs[0].reads:
                if object_id not in entries or name not in entries[object_id].users:
                    return f"{name} runs, {object_id} is not kept for it on node {worker.node}"
    return None


@sometimes(Store, source="Ray 2.60 local_object_manager.cc")
def an_object_is_spilled(view: StateView) -> str | None:
    """Some object is on disk."""
    return first(f"{name} has one on disk" for name, store in view.of(Store).items() if store.disk)


@sometimes(Store, source="Ray 2.60 plasma/eviction_policy.cc")
def a_request_waits_for_room(view: StateView) -> str | None:
    """Some store has no room for what is asked of it."""
    return first(f"{name} has no room" for name, store in view.of(Store).items() if store.requests)


@sometimes(ObjectManager, source="Ray 2.60 pull_manager.cc")
def a_pull_is_under_way(view: StateView) -> str | None:
    """Some object is on its way from one node to another."""
    return first(
        f"{object_id} is on its way to {name}"
        for name, manager in view.of(ObjectManager).items()
        for object_id, pulled in manager.incoming.items()
        if pulled.source >= 0
    )


OBJECTS = (
    capacity_respected,
    one_value_per_object,
    room_given_in_order,
    no_inversion_of_transfers,
    no_create_abort_cycle,
    inputs_local_before_run,
    no_false_copies,
    no_circular_wait_through_memory,
    no_lost_objects,
    every_get_ends_in_value_or_error,
    pins_return_to_zero,
    an_object_is_spilled,
    a_request_waits_for_room,
    a_pull_is_under_way,
)
"""Everything that is checked of the object plane."""
