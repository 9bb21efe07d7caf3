"""Planted bugs of stores, transfer and pull admission."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rayproof.model.graph import ObjectId
from rayproof.model.kernel import Context, FaultKind, Name
from rayproof.model.objects.ray2.admission import PullClass
from rayproof.model.objects.ray2.directory import Directory
from rayproof.model.objects.ray2.protocol import CreateObject, PullDone, Release, Seal
from rayproof.model.objects.ray2.store import Reader, Request, Store
from rayproof.model.objects.ray2.transfer import ObjectManager, Push
from rayproof.model.objects.ray2.worker import ObjectWorker
from rayproof.properties.bug import Bug


@dataclass(slots=True)
class LetsGoBeforeThePin(ObjectWorker):
    """Ray #7235: the creator releases what it has sealed before the raylet has pinned it."""

    def write(self, ctx: Context, there: ObjectId) -> None:
        ObjectWorker.write(self, ctx, there)
        ctx.send(self.store(), Release(there))


@dataclass(slots=True)
class PinsBeforeTheSeal(ObjectWorker):
    """The raylet is asked to pin an object that the store may not have been told to seal."""

    def write(self, ctx: Context, there: ObjectId) -> None:
        ObjectWorker.write(self, ctx, there)
        ObjectWorker.sealed(self, ctx, there)

    def sealed(self, ctx: Context, there: ObjectId) -> None:
        pass


@dataclass(slots=True)
class AllocatesAllFirst(ObjectWorker):
    """Ray #15750: room for all returns is taken before any of them is sealed."""

    def make_next(self, ctx: Context) -> None:
        if self.unmade == self.jobs[0].makes and self.unmade:
            for there in self.unmade:
                ctx.send(self.store(), CreateObject(there, dict(self.sizes)[there]))
        elif not self.unmade:
            self.end(ctx)

    def write(self, ctx: Context, there: ObjectId) -> None:
        if there == self.unmade[-1]:
            for name in self.unmade[:-1]:
                ctx.send(self.store(), Seal(name, tuple(range(dict(self.sizes)[name]))))
            ObjectWorker.write(self, ctx, there)


@dataclass(slots=True)
class BeginsWithTheFirstArgument(ObjectWorker):
    """The body begins as soon as one argument is in hand."""

    def held(self, ctx: Context, there: ObjectId) -> None:
        if self.jobs and not self.holds:
            self.holds = set(self.jobs[0].reads[1:])
        ObjectWorker.held(self, ctx, there)


@dataclass(slots=True)
class TakesAnyCopyForItsOwn(ObjectWorker):
    """A half-written copy that is on its way here stands for the object that was to be made."""

    def exists(self, ctx: Context, there: ObjectId) -> None:
        self.made(ctx, there)


@dataclass(slots=True)
class BelievesEveryWrite(Store):
    """Ray #12271: a failed write to disk is taken for a success."""

    def spilled(self, ctx: Context, there: ObjectId) -> None:
        if ctx.may_fail(FaultKind.FAIL_WRITE):
            self.spilling.discard(there)
            self.leave_memory(ctx, there, self.entries[there])
            self.disk.pop(there, None)
        else:
            Store.spilled(self, ctx, there)


@dataclass(slots=True)
class OneWorkerForTheDisk(Store):
    """Ray #11789: writing and reading share one IO worker."""

    def spiller_free(self) -> bool:
        return not self.spilling and not self.restoring

    def restorer_free(self) -> bool:
        return not self.spilling and not self.restoring


@dataclass(slots=True)
class WhoeverFits(Store):
    """Ray #11772: room goes to any request that fits, not to the first."""

    def serve_requests(self, ctx: Context) -> None:
        for position, request in enumerate(self.requests):
            if self.make_room(ctx, request.size):
                self.allocate(ctx, position)
                return self.serve_requests(ctx)
        if self.requests:
            self.spill(ctx)
        return None


@dataclass(slots=True)
class MakesRoomForWhatIsThere(Store):
    """What waits for room waits on although the object has come meanwhile, and has the only copy evicted for itself."""

    def exists(self, ctx: Context, request: Request) -> bool:
        return request.object in self.entries and self.allocated() + request.size <= self.capacity


@dataclass(slots=True)
class RestoresForPushes(Store):
    """What another node asks for is restored to memory first, whatever this node's own pulls need."""

    def pushes_from_disk(self, reader: Reader) -> bool:
        return False


@dataclass(slots=True)
class NeverFull(Store):
    """Room is given whether or not it is there."""

    def make_room(self, ctx: Context, size: int) -> bool:
        Store.make_room(self, ctx, size)
        return True


@dataclass(slots=True)
class SilentAfterADeath(Store):
    """Ray #62512: an eviction goes unreported once a client has died."""

    def report_removed(self, ctx: Context, there: ObjectId) -> None:
        if not self.gone:
            Store.report_removed(self, ctx, there)


@dataclass(slots=True)
class KeepsPinsOfTheDead(Store):
    """Ray #64627: what a dead worker has held stays held."""

    def client_died(self, ctx: Context, client: Name) -> None:
        pass


@dataclass(slots=True)
class LeavesFreedFiles(Store):
    """What the owner has freed stays on disk."""

    def free(self, there: ObjectId) -> None:
        kept = self.disk.get(there)
        Store.free(self, there)
        if kept is not None:
            self.disk[there] = kept


@dataclass(slots=True)
class HoldsOnToTheLost(ObjectManager):
    """Ray #24791: a bundle keeps its share of memory while one of its objects is being made again."""

    def sizes(self) -> dict[ObjectId, int]:
        admitted = {name for b in self.bundles.values() if b.number in self.active for name in b.objects}
        kept = {there: places.size for there, places in self.known.items() if there in admitted and not places.error}
        return {**ObjectManager.sizes(self), **kept}


@dataclass(slots=True)
class CountsBuffersTwice(ObjectManager):
    """Ray #14157: a buffer is taken off the available memory and counted as being pulled as well."""

    def budget(self) -> int:
        return self.available - sum(self.known[there].size for there, p in self.incoming.items() if p.buffer)


@dataclass(slots=True)
class AsksOnce(ObjectManager):
    """A pull whose source is gone is not asked of another one."""

    def ask_source(self, ctx: Context, there: ObjectId) -> None:
        if not self.incoming[there].chunks:
            ObjectManager.ask_source(self, ctx, there)


@dataclass(slots=True)
class InTurn(ObjectManager):
    """Ray #34270: the chunks of all objects are sent in turn."""

    def after_sending(self, position: int, sent: Push) -> tuple[Push, ...]:
        return (*self.pushes[:position], *self.pushes[position + 1 :], sent)


@dataclass(slots=True)
class CountsChunks(ObjectManager):
    """A receiver counts chunks instead of remembering which have come."""

    def with_chunk(self, chunks: tuple[tuple[int, int], ...], new: tuple[int, int]) -> tuple[tuple[int, int], ...]:
        return tuple(sorted((*chunks, new)))


@dataclass(slots=True)
class NeverMakesAgain(Directory):
    """A lost object is given up although somebody could make it again."""

    def recover(self, ctx: Context, there: ObjectId) -> None:
        self.lost[there] = "ObjectLostError"


@dataclass(slots=True)
class ListensToTheDead(Directory):
    """The late reply of a worker that is known to be dead still counts."""

    def accepts(self, sender: Name) -> bool:
        return True


@dataclass(slots=True)
class FailsInSilence(ObjectWorker):
    """A job that cannot be done is left, and nobody is told."""

    def failed(self, ctx: Context, error: str) -> None:
        self.errors += (error,)
        ctx.send(self.manager(), PullDone())
        self.end(ctx)


@dataclass(slots=True)
class FailsWhenDisplaced(ObjectWorker):
    """A job fails when an argument has left the store between the word that it is there and the attempt to take it."""

    def absent(self, ctx: Context, there: ObjectId) -> None:
        if self.unmade and there == self.unmade[0]:
            self.make_next(ctx)
        else:
            self.failed(ctx, "ObjectLostError")


@dataclass(slots=True)
class CountsWhatIsOutside(Store):
    """An object outside of the capacity is evicted to make room within it."""

    def make_room(self, ctx: Context, size: int) -> bool:
        allocated = self.allocated() + size - self.capacity
        for there in self.unused:
            if allocated > 0:
                allocated -= self.entries[there].size
                self.evict(ctx, there)
        return allocated <= 0


@dataclass(slots=True)
class TellsOnlyTheFirst(ObjectManager):
    """Word that an object is lost reaches those who wait for it, and nobody who asks later."""

    def pull(self, ctx: Context, requester: Name, kind: PullClass, objects: tuple[ObjectId, ...]) -> None:
        known = self.known
        self.known = {there: replace(places, error="") for there, places in known.items()}
        ObjectManager.pull(self, ctx, requester, kind, objects)
        self.known = known


@dataclass(slots=True)
class AsksAfterEachChunk(ObjectManager):
    """After each part that has come the object is asked for again, which begins its sending anew."""

    def chunk(self, ctx: Context, there: str, index: int, value: int) -> None:
        ObjectManager.chunk(self, ctx, there, index, value)
        if there in self.incoming:
            self.ask_source(ctx, there)


OBJECT_BUGS = (
    Bug(
        "lets_go_before_the_pin",
        "The creator releases a sealed object before it is pinned (D23).",
        {ObjectWorker: LetsGoBeforeThePin},
        "no_false_copies",
        "store-two-makers",
        also=("every_get_ends_in_value_or_error",),
    ),
    Bug(
        "allocates_all_first",
        "A task takes room for all its returns before it seals one (D31).",
        {ObjectWorker: AllocatesAllFirst},
        "no_circular_wait_through_memory",
        "store-two-returns",
        also=("every_get_ends_in_value_or_error",),
    ),
    Bug(
        "begins_with_the_first_argument",
        "A body begins before all its arguments are in local memory.",
        {ObjectWorker: BeginsWithTheFirstArgument},
        "inputs_local_before_run",
        "store-reader-dies",
    ),
    Bug(
        "takes_any_copy_for_its_own",
        "A half-written copy stands for the object that was to be made on its node.",
        {ObjectWorker: TakesAnyCopyForItsOwn},
        "no_false_copies",
        "transfer-made-again-here",
        also=("every_get_ends_in_value_or_error",),
    ),
    Bug(
        "believes_every_write",
        "A failed write to disk is taken for a success (D28).",
        {Store: BelievesEveryWrite},
        "no_false_copies",
        "store-failing-disk",
        also=("every_get_ends_in_value_or_error",),
    ),
    Bug(
        "one_worker_for_the_disk",
        "Writing to disk and reading from it share one IO worker (D32).",
        {Store: OneWorkerForTheDisk},
        "no_circular_wait_through_memory",
        "store-failing-disk",
        also=("every_get_ends_in_value_or_error",),
    ),
    Bug(
        "whoever_fits",
        "Room goes to any request that fits (D33).",
        {Store: WhoeverFits},
        "room_given_in_order",
        "store-large-behind-small",
    ),
    Bug(
        "makes_room_for_what_is_there",
        "A request for room waits on although its object has come meanwhile.",
        {Store: MakesRoomForWhatIsThere},
        "every_get_ends_in_value_or_error",
        "store-made-again",
    ),
    Bug(
        "restores_for_pushes",
        "What another node asks for is restored to memory first, and each of two nodes waits for the other's.",
        {Store: RestoresForPushes},
        "no_circular_wait_through_memory",
        "transfer-both-ways",
        also=("every_get_ends_in_value_or_error",),
    ),
    Bug(
        "never_full",
        "A store gives more room than it has.",
        {Store: NeverFull},
        "capacity_respected",
        "store-two-makers",
    ),
    Bug(
        "silent_after_a_death",
        "Evictions after a worker's death are not reported to the owner (D34).",
        {Store: SilentAfterADeath},
        "no_false_copies",
        "transfer-reader-dies",
        also=("every_get_ends_in_value_or_error",),
    ),
    Bug(
        "keeps_pins_of_the_dead",
        "What a dead worker has held stays held (D36).",
        {Store: KeepsPinsOfTheDead},
        "pins_return_to_zero",
        "store-reader-dies",
    ),
    Bug(
        "leaves_freed_files",
        "A freed object stays on disk.",
        {Store: LeavesFreedFiles},
        "pins_return_to_zero",
        "store-two-makers",
    ),
    Bug(
        "holds_on_to_the_lost",
        "A bundle keeps its memory while one of its objects is being made again (D29).",
        {ObjectManager: HoldsOnToTheLost},
        "no_circular_wait_through_memory",
        "memory-rebuild",
        also=("every_get_ends_in_value_or_error",),
    ),
    Bug(
        "counts_buffers_twice",
        "Half-created objects are counted twice in the budget of pulls (D30).",
        {ObjectManager: CountsBuffersTwice},
        "no_create_abort_cycle",
        "transfer-two-pulls",
    ),
    Bug(
        "asks_once",
        "A pull that has begun is not asked of another node when its source is gone.",
        {ObjectManager: AsksOnce},
        "every_get_ends_in_value_or_error",
        "transfer-source-dies",
    ),
    Bug(
        "chunks_in_turn",
        "Chunks of all objects are sent in turn, so that all are late (D37).",
        {ObjectManager: InTurn},
        "no_inversion_of_transfers",
        "transfer-two-chunks",
    ),
    Bug(
        "counts_chunks",
        "A chunk that comes twice stands for one that is missing.",
        {ObjectManager: CountsChunks},
        "one_value_per_object",
        "transfer-source-dies",
    ),
    Bug(
        "pins_before_the_seal",
        "A creator has its object pinned before it knows it to be sealed, and dies.",
        {ObjectWorker: PinsBeforeTheSeal},
        "no_false_copies",
        "store-maker-dies",
        also=("every_get_ends_in_value_or_error",),
    ),
    Bug(
        "listens_to_the_dead",
        "The owner of an object takes a reply from a worker that it knows to be dead.",
        {Directory: ListensToTheDead},
        "no_false_copies",
        "store-maker-dies",
    ),
    Bug(
        "never_makes_again",
        "A lost object is given up although a live worker could make it.",
        {Directory: NeverMakesAgain},
        "no_lost_objects",
        "memory-rebuild",
    ),
    Bug(
        "fails_when_displaced",
        "A job fails for want of an argument that only made way for a more urgent pull.",
        {ObjectWorker: FailsWhenDisplaced},
        "no_lost_objects",
        "transfer-displaced",
        "the first form of this model's worker, found by drawn planes",
    ),
    Bug(
        "counts_what_is_outside",
        "An object outside of the capacity is deleted to make room within it, and more is stored than fits.",
        {Store: CountsWhatIsOutside},
        "capacity_respected",
        "store-room-outside",
        "the first form of this model's store, found by drawn planes",
    ),
    Bug(
        "tells_only_the_first",
        "Who asks for an object that others have heard to be lost waits for ever.",
        {ObjectManager: TellsOnlyTheFirst},
        "every_get_ends_in_value_or_error",
        "store-lost-for-two",
        "the first form of this model's object manager, found by drawn planes",
    ),
    Bug(
        "fails_in_silence",
        "The owner never hears that an object cannot be made, and its readers wait for ever.",
        {ObjectWorker: FailsInSilence},
        "every_get_ends_in_value_or_error",
        "store-cannot-be-made",
        "bug benchmark L2",
    ),
    Bug(
        "asks_after_each_chunk",
        "Each part that has come makes the sender begin anew.",
        {ObjectManager: AsksAfterEachChunk},
        "every_get_ends_in_value_or_error_some_day",
        "transfer-two-chunks",
        "bug benchmark L4",
        ("comes_to_rest",),
        spins=True,
    ),
)
"""The planted bugs of the object plane."""
