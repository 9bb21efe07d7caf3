"""Planted bugs: a process or handler replaced from outside, and the statement that must notice.

The model knows nothing of them. A bug kills a statement only when that very statement fails.
"""

from rayproof.properties.bugs.actors import ACTOR_BUGS
from rayproof.properties.bugs.base import Bug
from rayproof.properties.bugs.chain import CHAIN_BUGS
from rayproof.properties.bugs.chained import CHAINED_BUGS
from rayproof.properties.bugs.cluster import CLUSTER_BUGS
from rayproof.properties.bugs.control import CONTROL_BUGS
from rayproof.properties.bugs.gcs_liveness import GCS_LIVENESS_BUGS
from rayproof.properties.bugs.groups import GROUP_BUGS
from rayproof.properties.bugs.leases import LEASE_BUGS
from rayproof.properties.bugs.lifecycle import LIFECYCLE_BUGS
from rayproof.properties.bugs.livelocks import LIVELOCK_BUGS
from rayproof.properties.bugs.migration import MIGRATION_BUGS
from rayproof.properties.bugs.objects import OBJECT_BUGS
from rayproof.properties.bugs.owned_cluster import OWNED_BUGS
from rayproof.properties.bugs.ownership import LINEAGE_BUGS
from rayproof.properties.bugs.pubsub import PUBSUB_BUGS
from rayproof.properties.bugs.references import REFERENCE_BUGS
from rayproof.properties.bugs.replay import REPLAY_BUGS
from rayproof.properties.bugs.replicas import REPLICA_BUGS
from rayproof.properties.bugs.requests import REQUEST_BUGS
from rayproof.properties.bugs.scheduling import SCHEDULING_BUGS
from rayproof.properties.bugs.server import SERVER_BUGS
from rayproof.properties.bugs.tables import TABLE_BUGS
from rayproof.properties.bugs.typed_tables import TYPED_TABLE_BUGS
from rayproof.properties.bugs.whole import WHOLE_BUGS
from rayproof.properties.bugs.workers import WORKER_BUGS
from rayproof.properties.one_ray.bugs import TODAY_BUGS


def _named(*bugs: Bug) -> dict[str, Bug]:
    found = {bug.name: bug for bug in bugs}
    if len(found) < len(bugs):
        raise ValueError(f"two planted bugs of one name: {[bug.name for bug in bugs if found[bug.name] is not bug]}")
    return found


BUGS = _named(
    *CLUSTER_BUGS,
    *CHAINED_BUGS,
    *SCHEDULING_BUGS,
    *REPLICA_BUGS,
    *GROUP_BUGS,
    *LEASE_BUGS,
    *TODAY_BUGS,
    *REQUEST_BUGS,
    *CHAIN_BUGS,
    *GCS_LIVENESS_BUGS,
    *PUBSUB_BUGS,
    *TABLE_BUGS,
    *TYPED_TABLE_BUGS,
    *SERVER_BUGS,
    *OBJECT_BUGS,
    *REFERENCE_BUGS,
    *LINEAGE_BUGS,
    *ACTOR_BUGS,
    *MIGRATION_BUGS,
    *LIFECYCLE_BUGS,
    *WORKER_BUGS,
    *CONTROL_BUGS,
    *REPLAY_BUGS,
    *LIVELOCK_BUGS,
    *WHOLE_BUGS,
    *OWNED_BUGS,
)
"""All planted bugs by name."""


__all__ = ["BUGS", "Bug"]
