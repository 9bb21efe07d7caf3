"""Defects of actors and of placement groups."""

from __future__ import annotations

from rayproof.properties.gallery.entry import GalleryEntry, Standing

ACTORS = (
    GalleryEntry(
        "D47",
        "ray#52833",
        "Calls that were answered out of order leave holes in the numbering of the restarted actor, which waits for "
        "them.",
        "actor order",
        ("tells_only_the_prefix",),
    ),
    GalleryEntry(
        "D48",
        "ray#51904",
        "The reply of an executed call is lost; its retry has a number that the actor takes for old, again and again.",
        "actor order",
        ("keeps_its_number",),
    ),
    GalleryEntry(
        "D49",
        "ray#47659",
        "A call is sent a second time while its first attempt still runs, and both run side by side.",
        "actor execution",
        ("runs_both_attempts",),
    ),
    GalleryEntry(
        "D50",
        "ray#17634",
        "An actor is killed while its worker is being leased; the worker comes up and belongs to nobody.",
        "actor lifecycle",
        ("forgets_pending_workers",),
    ),
    GalleryEntry(
        "D51",
        "ray#8261",
        "An actor dies with its owner and is restarted, each time again.",
        "actor lifecycle",
        ("restarts_orphans",),
    ),
    GalleryEntry(
        "D52",
        "ray#8330",
        "A reply of the dead incarnation arrives late and is counted for the new one.",
        "actor order",
        ("takes_any_result",),
    ),
)
"""D47 to D52."""

GROUPS = (
    GalleryEntry(
        "D53",
        "ray#24875",
        "A group that is being rescheduled loses another bundle and is not queued for it.",
        "placement groups",
        ("forgets_the_second_loss",),
    ),
    GalleryEntry(
        "D54",
        "ray#12336",
        "A bundle cannot be reserved again, and the healthy bundles of the group are given back with it.",
        "placement groups",
        ("cancels_the_whole_group",),
    ),
    GalleryEntry(
        "D55",
        "ray#42942",
        "The removal of a group ends what runs in its bundles and overlooks what is only starting there.",
        "placement groups",
        ("overlooks_what_starts",),
    ),
    GalleryEntry(
        "D56",
        "ray#12003",
        "The GCS restarts between a reservation and its record; nobody gives the bundle back.",
        "placement groups",
        ("releases_nothing",),
    ),
    GalleryEntry(
        "D57",
        "ray#65147",
        "Two groups keep half of their bundles each after two failures and wait for each other.",
        "placement groups",
        standing=Standing.KNOWN,
        reason="the design of Ray itself: no rule gives a bundle up; the correct model shows it",
        seen=("today-group-halves", "groups_do_not_wait_for_each_other"),
    ),
    GalleryEntry(
        "D58",
        "ray#20051",
        "Tasks that need a CPU take the CPU of the bundle with the GPU, and the task that needs both cannot run.",
        "placement groups",
        standing=Standing.KNOWN,
        reason="the order in which Ray tries the bundles of a group; the correct model shows it",
        seen=("today-bundle-gpu", "tasks_that_fit_their_group_run"),
    ),
)
"""D53 to D58."""
