"""The generic scopes: the same twelve for every bug of the gallery, chosen before any bug was tried on them.

Each is richer than the directed scenarios: more processes, and all faults that its components know at once. What is
independent in a cluster may stand side by side in one scope; faults are then shared, and every step of the one can fall
between any two of the other. A bug is applied to a scope by putting its processes in the place of those they replace.
"""

from rayproof.properties.gallery.scopes.base import GenericScope
from rayproof.properties.gallery.scopes.control import chain_scope, members_scope, news_scope, tables_scope
from rayproof.properties.gallery.scopes.objects import store_scope, transfer_scope
from rayproof.properties.gallery.scopes.recovery import actors_scope, lineage_scope, references_scope
from rayproof.properties.gallery.scopes.scheduling import cluster_scope, groups_scope, leases_scope

__all__ = ["GENERIC_SCOPES", "GenericScope"]

GENERIC_SCOPES = (
    GenericScope("generic-cluster", cluster_scope),
    GenericScope("generic-leases", leases_scope),
    GenericScope("generic-groups", groups_scope),
    GenericScope("generic-chain", chain_scope),
    GenericScope("generic-tables", tables_scope),
    GenericScope("generic-news", news_scope),
    GenericScope("generic-members", members_scope),
    GenericScope("generic-store", store_scope),
    GenericScope("generic-transfer", transfer_scope),
    GenericScope("generic-lineage", lineage_scope),
    GenericScope("generic-references", references_scope),
    GenericScope("generic-actors", actors_scope),
)
"""All of them."""
