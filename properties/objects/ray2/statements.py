"""What must hold of stores, transfer and pull admission."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rayproof.model.graph import ObjectId
from rayproof.model.kernel import StateView, always, audit, sometimes
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

    first: ObjectId = ""

    def observe(self, event: object) -> Overtaking:
        """Fold one event."""
        if isinstance(event, RoomGiven) and event.passed and not self.first:
            return Overtaking(event.object)
        return self


@dataclass(frozen=True, slots=True)
class Inversion:
    """Monitor: an object of which a chunk was sent while the same node waited for the rest of another one."""

    first: ObjectId = ""

    def observe(self, event: object) -> Inversion:
        """Fold one event."""
        if isinstance(event, ChunkSent) and event.waiting and not self.first:
            return Inversion(event.object)
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
def capacity_respected(store: Store) -> bool:
    """What a store holds in memory is never more than its capacity, and what may be evicted is used by nobody."""
    spare = [store.entries[there] for there in store.unused]
    return store.allocated() <= store.capacity and not any(e.users or e.primary or not e.sealed for e in spare)


@always(source="OSDI 2018 §4.2.3: objects are immutable and copied whole", monitors=(Contents,))
def one_value_per_object(view: StateView) -> bool:
    """Every copy of an object, whoever made or sent it, has the content of the first one."""
    return not view.monitor(Contents).contradicted


@always(source="Ray 2.60 plasma/create_request_queue.cc; Ray #11772", monitors=(Overtaking,))
def room_given_in_order(view: StateView) -> bool:
    """Room in a store is given in the order in which it was asked for, so that a large object cannot starve."""
    return not view.monitor(Overtaking).first


@always(source="Ray #34270; bug benchmark Q5", monitors=(Inversion,))
def no_inversion_of_transfers(view: StateView) -> bool:
    """No chunk of an object is sent to a node that waits for the rest of another object."""
    return not view.monitor(Inversion).first


@always(source="Ray #14157; bug benchmark L4", monitors=(Aborts,))
def no_create_abort_cycle(view: StateView) -> bool:
    """No node gives up the same half-written object a second time."""
    times = view.monitor(Aborts).times
    return len(times) == len(set(times))


@audit(Store, Directory, source="Ray 2.60 ownership_object_directory.cc; Ray #62512, #12271, #7235")
def no_false_copies(view: StateView) -> bool:
    """Wherever the owner believes an object to be on a live node, it is: in memory or on disk."""
    stores = {store.node: store for store in view.of(Store).values()}
    for owner in view.of(Directory).values():
        for there, _ in owner.sizes:
            for node in owner.places(there):
                store = stores.get(node)
                if store is not None and there not in store.disk:
                    entry = store.entries.get(there)
                    if entry is None or not entry.sealed:
                        return False
    return True


@audit(Store, ObjectManager, ObjectWorker, source="Ray #64627; bug benchmark S2: at quiescence nothing is held")
def pins_return_to_zero(view: StateView) -> bool:
    """When every live worker has ended, no store holds anything for anybody."""
    if not all(worker.done for worker in view.of(ObjectWorker).values()):
        return True
    return not any(
        store.readers or store.disk or any(e.users or e.primary for e in store.entries.values())
        for store in view.of(Store).values()
    ) and not any(manager.bundles or manager.here or manager.incoming for manager in view.of(ObjectManager).values())


@audit(Store, ObjectManager, source="Ray #24791, #15750, #11789; bug benchmark L1: no circular wait")
def no_circular_wait_through_memory(view: StateView) -> bool:
    """Nobody is left waiting for memory: neither for room in a store nor for the admission of a pull."""
    for store in view.of(Store).values():
        if any(request.size <= store.capacity for request in store.requests):
            return False
    for manager in view.of(ObjectManager).values():
        known = manager.sizes()
        for bundle in manager.bundles.values():
            if bundle.number not in manager.active and known.keys() >= set(bundle.objects):
                return False
    return True


@audit(ObjectWorker, source="OSDI 2018 §4.2.3; bug benchmark L2")
def every_get_ends_in_value_or_error(view: StateView) -> bool:
    """Every live worker has ended its jobs: each read gave a value or an error."""
    return all(worker.done for worker in view.of(ObjectWorker).values())


@audit(ObjectWorker, Directory, source="OSDI 2018 §4.2.3; bug benchmark S1")
def no_lost_objects(view: StateView) -> bool:
    """No read fails unless whoever could make the object is dead, or what it is made of is lost itself."""
    recipes = {job for worker in view.of(ObjectWorker).values() for job in worker.recipes}
    failed = any(worker.errors for worker in view.of(ObjectWorker).values())
    for owner in view.of(Directory).values():
        if failed and not owner.lost:
            return False
        for there in owner.lost:
            lives = any(worker not in view.dead for name, worker in owner.makers if name == there)
            made_of = {needed for job in recipes if there in job.makes for needed in job.reads}
            if lives and made_of.isdisjoint(owner.lost):
                return False
    return True


@always(ObjectWorker, Store, source="OSDI 2018 §4.2.3: inputs are copied to the local store before execution")
def inputs_local_before_run(view: StateView) -> bool:
    """While a worker runs, its arguments are in its node's memory and kept there for it."""
    stores = {store.node: store for store in view.of(Store).values()}
    for name, worker in view.of(ObjectWorker).items():
        if worker.jobs and worker.holds.issuperset(worker.jobs[0].reads):
            entries = stores[worker.node].entries
            if any(there not in entries or name not in entries[there].users for there in worker.jobs[0].reads):
                return False
    return True


@sometimes(Store, source="Ray 2.60 local_object_manager.cc")
def an_object_is_spilled(view: StateView) -> bool:
    """Some object is on disk."""
    return any(store.disk for store in view.of(Store).values())


@sometimes(Store, source="Ray 2.60 plasma/eviction_policy.cc")
def a_request_waits_for_room(view: StateView) -> bool:
    """Some store has no room for what is asked of it."""
    return any(store.requests for store in view.of(Store).values())


@sometimes(ObjectManager, source="Ray 2.60 pull_manager.cc")
def a_pull_is_under_way(view: StateView) -> bool:
    """Some object is on its way from one node to another."""
    return any(
        pulled.source >= 0 for manager in view.of(ObjectManager).values() for pulled in manager.incoming.values()
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
