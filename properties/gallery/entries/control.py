"""Defects of the control store: membership, publish-subscribe, storage, chains."""

from __future__ import annotations

from rayproof.properties.gallery.entry import GalleryEntry

CONTROL_STORE = (
    GalleryEntry(
        "D17",
        "ray#11423",
        "The news of a death overtakes the list that still calls the node alive, and the list is believed.",
        "node table",
        ("believes_old_snapshots",),
    ),
    GalleryEntry(
        "D18",
        "ray#21638",
        "A restarted head counts its broadcasts from the start again, and all of them are taken for old.",
        "resource sync",
        ("compares_broadcasts_across_servers", "compares_across_publishers"),
        reason="the same comparison is planted in the resource sync and in the polled node table",
    ),
    GalleryEntry(
        "D19",
        "ray#20276",
        "The publisher forgets messages when it answers a poll; an answer that is lost takes them with it.",
        "publish-subscribe",
        ("replies_empty_the_mailbox",),
    ),
    GalleryEntry(
        "D20",
        "ray#33854",
        "A GCS without storage restarts and has never heard of a raylet, which goes on since its connection is fine.",
        "membership",
        ("trusts_the_channel",),
    ),
    GalleryEntry(
        "D21",
        "ray#66073",
        "A restart deletes the specification of an actor and leaves its row; the next restart fails on it.",
        "GCS storage",
        ("deletes_only_the_specification",),
    ),
    GalleryEntry(
        "D22",
        "ray#25131",
        "A restart leaves out all actors of finished jobs, detached ones included.",
        "actor table",
        ("forgets_detached_actors",),
    ),
)
"""D17 to D22."""

CHAINS = (
    GalleryEntry(
        "D70",
        "CorfuDB/CorfuDB#1338",
        "Only the member that leaves is sealed; one that stays still takes writes of the old epoch.",
        "chain reconfiguration",
        ("seals_only_the_suspect",),
    ),
    GalleryEntry(
        "D71",
        "CorfuDB/CorfuDB#832",
        "A client asks a server that has missed the change and goes back to the older layout.",
        "chain clients",
        ("goes_back_to_an_older_configuration",),
    ),
    GalleryEntry(
        "D72",
        "CorfuDB/CorfuDB#2678",
        "The state of a new epoch is read from a member that is still being filled.",
        "chain recovery",
        ("serves_before_it_has_all",),
    ),
    GalleryEntry(
        "D73",
        "deepseek-ai/3FS#345",
        "A tail that committed and crashed before it acknowledged is refused on its return, since it is not exactly as "
        "far as the others.",
        "chain recovery",
        ("compares_on_rejoin",),
    ),
    GalleryEntry(
        "D74",
        "eloqdata/tx_service#498",
        "A replica takes the highest number it has seen for what it has; a lost update below it is never missed.",
        "replicas",
        ("skips_gaps",),
    ),
    GalleryEntry(
        "D75",
        "van Renesse and Schneider, OSDI 2004",
        "After a failure in the middle of the chain its predecessor does not send the new successor what is not yet "
        "acknowledged.",
        "chain replication",
        ("no_resend",),
    ),
)
"""D70 to D75."""
