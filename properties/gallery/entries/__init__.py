"""The entries of the gallery: 75 defects of real systems, in the order of their numbers."""

from rayproof.properties.gallery.entries.actors import ACTORS, GROUPS
from rayproof.properties.gallery.entries.control import CHAINS, CONTROL_STORE
from rayproof.properties.gallery.entries.later import AUTOSCALER, KUBERAY
from rayproof.properties.gallery.entries.objects import LINEAGE, OBJECTS
from rayproof.properties.gallery.entries.scheduling import SCHEDULING
from rayproof.properties.gallery.entry import GalleryEntry

__all__ = ["GALLERY"]

GALLERY: dict[str, GalleryEntry] = {
    entry.id: entry
    for entry in (
        *SCHEDULING,
        *CONTROL_STORE,
        *OBJECTS,
        *LINEAGE,
        *ACTORS,
        *GROUPS,
        *AUTOSCALER,
        *KUBERAY,
        *CHAINS,
    )
}
"""All entries by id."""
