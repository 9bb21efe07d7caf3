"""Defects of objects and memory, of references and of lineage."""

from __future__ import annotations

from rayproof.properties.gallery.entry import GalleryEntry

OBJECTS = (
    GalleryEntry(
        "D23",
        "ray#7235",
        "A result is evicted after its worker has sealed and released it and before the raylet has pinned it.",
        "object store",
        ("lets_go_before_the_pin",),
    ),
    GalleryEntry(
        "D24",
        "ray#8791",
        "The owner hears of a node's death first and of the result that the node holds afterwards, and believes both.",
        "recovery",
        ("believes_late_replies",),
        seen=("lineage-chain", "no_lost_objects"),
    ),
    GalleryEntry(
        "D25",
        "ray#64694",
        "A copy that was just pinned to recover an object is lost too, and the second loss counts as being handled.",
        "recovery",
        ("remembers_a_pin_for_ever",),
    ),
    GalleryEntry(
        "D26",
        "ray#65660",
        "A dead node's report about a spilled object arrives late and replaces the place of the rebuilt one.",
        "object directory",
        ("believes_reports_of_the_dead",),
        seen=("lineage-copies", "no_lost_objects"),
    ),
    GalleryEntry(
        "D27",
        "ray#21485",
        "An object that was only on the disk of a node does not count as lost when the node dies.",
        "recovery",
        ("forgets_disks_of_the_dead",),
        seen=("lineage-spilled", "no_lost_objects"),
    ),
    GalleryEntry(
        "D28",
        "ray#12271",
        "A failed write to disk is reported as done, and the memory copy is given up.",
        "spilling",
        ("believes_every_write",),
    ),
    GalleryEntry(
        "D29",
        "ray#24791",
        "A pull keeps its memory while its object is being made again, and the maker's argument waits for that memory.",
        "pull admission",
        ("holds_on_to_the_lost",),
    ),
    GalleryEntry(
        "D30",
        "ray#14157",
        "An object that is half received is counted once as taken memory and once more as still to come.",
        "pull admission",
        ("counts_buffers_twice",),
    ),
    GalleryEntry(
        "D31",
        "ray#15750",
        "A task takes room for all its results before it seals one, so that none can be spilled for the next.",
        "object store",
        ("allocates_all_first",),
    ),
    GalleryEntry(
        "D32",
        "ray#11789",
        "A restore waits for a spill that makes room, and the spill for the one IO worker that restores.",
        "spilling",
        ("one_worker_for_the_disk",),
    ),
    GalleryEntry(
        "D33",
        "ray#11772",
        "Small objects take whatever room appears, and a large one never gets enough.",
        "object store",
        ("whoever_fits",),
    ),
    GalleryEntry(
        "D34",
        "ray#62512",
        "Copies evicted after their readers' death are not reported, and others ask for them in vain.",
        "object directory",
        ("silent_after_a_death",),
    ),
    GalleryEntry(
        "D35",
        "ray#47606",
        "An object whose maker's argument has failed still counts as being made, and who waits for it waits on.",
        "recovery",
        ("keeps_waiting_for_the_failed",),
    ),
    GalleryEntry(
        "D36",
        "ray#64627",
        "A worker that was killed with its owner keeps the pins of its arguments.",
        "lease cleanup",
        ("keeps_pins_of_the_dead",),
    ),
    GalleryEntry(
        "D37",
        "ray#34270",
        "Chunks of all objects are sent in turn, so that all of them arrive late.",
        "transfer",
        ("chunks_in_turn",),
    ),
)
"""D23 to D37."""

LINEAGE = (
    GalleryEntry(
        "D38",
        "ray#19910",
        "A reference that came inside a result and goes on as an argument loses the record of what it is inside.",
        "references",
        ("forgets_the_container",),
    ),
    GalleryEntry(
        "D39",
        "ray#9049",
        "A borrower dies before it has named the next one; the owner frees the object and the next one waits.",
        "references",
        ("ignores_reads_of_the_freed",),
    ),
    GalleryEntry(
        "D40",
        "ray#47043",
        "What is run again needs an argument whose value was released meanwhile, and nobody asks for its recovery.",
        "lineage",
        ("forgets_the_arguments",),
        reason="planted in the second execution of a task; the constructor of an actor takes the same way",
    ),
    GalleryEntry(
        "D41",
        "ray#3529",
        "Lineage of an object that is still referenced is flushed from the store.",
        "lineage in the GCS",
        ("flushes_what_is_referenced",),
    ),
    GalleryEntry(
        "D42",
        "ray#3217",
        "A task that is merely slow is taken for lost and runs a second time.",
        "reconstruction",
        ("executes_what_is_slow",),
    ),
    GalleryEntry(
        "D43",
        "ray#8021",
        "The value of a put is freed with its last reference although a later execution needs it.",
        "lineage",
        ("frees_puts_of_lineage",),
    ),
    GalleryEntry(
        "D44",
        "ray#54260",
        "A cancellation falls between the decision to retry and the retry, which is sent all the same.",
        "cancel",
        ("retries_the_cancelled",),
    ),
    GalleryEntry(
        "D45",
        "ray#38232",
        "Waiting for the next item of a stream makes a reference whose end deletes the item.",
        "streams",
        ("peeks_delete",),
    ),
    GalleryEntry(
        "D46",
        "ray#39109",
        "A retry that fails early puts the end of the stream before items that were already handed out.",
        "streams",
        ("ends_with_the_last_attempt",),
    ),
)
"""D38 to D46."""
