"""Defects of scheduling, of leases and of blocked workers."""

from __future__ import annotations

from rayproof.properties.gallery.entry import GalleryEntry

SCHEDULING = (
    GalleryEntry(
        "D01",
        "ray#1180",
        "A heartbeat that was sent before an assignment arrives after it and resets the load that the global scheduler "
        "has counted, so the next task goes to the same node.",
        "global scheduler",
        ("heartbeat_overwrites",),
    ),
    GalleryEntry(
        "D02",
        "ray#16488",
        "Nodes without memory for a task's arguments spill it to each other, since spilling looks at CPUs only.",
        "spillback",
        ("redirects_again",),
        reason="planted as the hop without bound itself: a raylet that is full passes a redirected request on; what it "
        "lacks is a CPU or GPU, not room for arguments",
    ),
    GalleryEntry(
        "D03",
        "ray#12084",
        "A task that was queued for the local node is never offered to another one, although that has become idle.",
        "local dispatch",
        ("never_reconsiders_leases",),
    ),
    GalleryEntry(
        "D04",
        "ray#63405",
        "A lease is asked of a node that has died, and the request is repeated there for ever.",
        "leases",
        ("waits_for_the_dead",),
    ),
    GalleryEntry(
        "D05",
        "ray#23595",
        "SPREAD tasks that find no free slot are packed by the default policy.",
        "SPREAD policy",
        ("spread_packs",),
    ),
    GalleryEntry(
        "D06",
        "ray#49258",
        "An idle lease is used again without a look at where the arguments of the next task are.",
        "locality",
        ("skips_locality",),
        reason="planted where the model decides by locality, in the global scheduler: the question is not asked",
    ),
    GalleryEntry(
        "D07",
        "ray#33835",
        "Tasks with a soft affinity queue at their node while others idle.",
        "node affinity",
        ("stays_at_a_busy_node",),
        reason="the reading of Ray since #34224: an affinity that is to give way when its node is busy says so",
    ),
    GalleryEntry(
        "D08",
        "ray#28551",
        "While a worker has yet to start its resources are handed back, and the node promises them again.",
        "leases",
        ("grants_without_taking",),
        reason="planted as its effect: a lease is granted and its resources stay free; the start of workers is not "
        "modelled",
    ),
    GalleryEntry(
        "D09",
        "ray#52295",
        "A queued request that can no longer be served is erased together with the means to answer it.",
        "leases",
        ("erases_without_an_answer",),
    ),
    GalleryEntry(
        "D10",
        "ray#231",
        "A task that waits for its child keeps the only CPU.",
        "blocked workers",
        ("keeps_the_cpu",),
    ),
    GalleryEntry(
        "D11",
        "ray#3644",
        "Parents are started first come, first served: each blocks and makes room for the next, and all hold a process "
        "before any child runs.",
        "local dispatch",
        ("has_no_cap",),
    ),
    GalleryEntry(
        "D12",
        "ray#55469",
        "The return of a worker is repeated when its reply is lost, and takes the worker from whoever has it by then.",
        "leases",
        ("returns_by_worker",),
    ),
    GalleryEntry(
        "D13",
        "ray#30533",
        "A task that was killed for memory is retried at once and is again the first to be killed, until it has no "
        "retries left.",
        "retries",
        ("retries_at_once",),
    ),
    GalleryEntry(
        "D14",
        "ray#17154",
        "The dispatch loop stops at the first class that lacks something, and those behind it wait too.",
        "local dispatch",
        ("stops_at_the_first",),
    ),
    GalleryEntry(
        "D15",
        "ray#50517",
        "After a blocked get the CPU counters of a bundle and of its whole group differ.",
        "placement group resources",
        ("clamps_the_wildcard",),
        seen=("today-bundle-get", "a_wildcard_goes_with_its_bundles"),
    ),
    GalleryEntry(
        "D16",
        "ray#16027",
        "The store of the head node fills up although it is past the threshold and others are empty.",
        "hybrid policy",
        ("counts_cpus_only",),
    ),
)
"""D01 to D16."""
