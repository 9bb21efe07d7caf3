"""Planted bugs: a process or handler replaced from outside, and the statement that must notice.

The model knows nothing of them. A bug kills a statement only when that very statement fails.
"""

from rayproof.properties.actors.bugs import MIGRATION_BUGS
from rayproof.properties.actors.paper.bugs import REPLAY_BUGS
from rayproof.properties.actors.ray2.bugs import ACTOR_BUGS
from rayproof.properties.actors.ray2.lifecycle.bugs import LIFECYCLE_BUGS
from rayproof.properties.bug import Bug
from rayproof.properties.cluster.owned.bugs import OWNED_BUGS
from rayproof.properties.cluster.paper.bugs import CHAINED_BUGS, CLUSTER_BUGS, WHOLE_BUGS
from rayproof.properties.cluster.ray2.bugs import TODAY_BUGS
from rayproof.properties.cluster.ray2.fault_bugs import FAULT_BUGS
from rayproof.properties.cluster.ray2.groups.bugs import GROUP_BUGS
from rayproof.properties.cluster.ray2.hook_bugs import HOOK_BUGS
from rayproof.properties.cluster.ray2.label_bugs import LABEL_BUGS
from rayproof.properties.cluster.ray2.promise_bugs import PROMISE_BUGS
from rayproof.properties.cluster.ray2.transfer_bugs import TRANSFER_BUGS
from rayproof.properties.gcs.bugs import PUBSUB_BUGS
from rayproof.properties.gcs.chain.bugs import CHAIN_BUGS, CHAIN_LIVENESS_BUGS
from rayproof.properties.gcs.paper.bugs import TABLE_BUGS, TYPED_TABLE_BUGS
from rayproof.properties.gcs.ray2.bugs import SERVER_BUGS
from rayproof.properties.lineage.paper.bugs import CONTROL_BUGS
from rayproof.properties.lineage.ray2.bugs import LINEAGE_BUGS
from rayproof.properties.lineage.ray2.workers.bugs import WORKER_BUGS
from rayproof.properties.objects.ray2.bugs import OBJECT_BUGS
from rayproof.properties.objects.ray2.references.bugs import REFERENCE_BUGS
from rayproof.properties.scheduler.paper.bugs import REPLICA_BUGS, SCHEDULING_BUGS


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
    *TODAY_BUGS,
    *PROMISE_BUGS,
    *FAULT_BUGS,
    *HOOK_BUGS,
    *TRANSFER_BUGS,
    *LABEL_BUGS,
    *CHAIN_BUGS,
    *CHAIN_LIVENESS_BUGS,
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
    *WHOLE_BUGS,
    *OWNED_BUGS,
)
"""All planted bugs by name."""

LIVELOCK_BUGS = tuple(bug for bug in BUGS.values() if bug.spins)
"""Found by claims about runs alone."""

__all__ = ["BUGS", "LIVELOCK_BUGS", "Bug"]
