"""The named scenarios: which scope, on which program and cluster, checked for what.

A name and its parameters (policy, planted bug) are all that a trace needs to be carried out again.
"""

from __future__ import annotations

from collections.abc import Mapping

from rayproof.model.kernel import Scenario
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.swap import Swap
from rayproof.properties.actors.paper.scopes import REPLAY_ENTRIES
from rayproof.properties.actors.ray2.lifecycle.scopes import LIFECYCLE_ENTRIES
from rayproof.properties.actors.ray2.scopes import ACTOR_ENTRIES
from rayproof.properties.actors.scopes import MIGRATION_ENTRIES
from rayproof.properties.cluster.owned.scopes import OWNED_ENTRIES
from rayproof.properties.cluster.paper.scopes import CHAINED_ENTRIES, CLUSTER_ENTRIES, WHOLE_ENTRIES
from rayproof.properties.cluster.ray2.groups.scopes import GROUP_ENTRIES
from rayproof.properties.cluster.ray2.hook_scopes import HOOK_ENTRIES
from rayproof.properties.cluster.ray2.labels import LABEL_ENTRIES
from rayproof.properties.cluster.ray2.scopes import TODAY_ENTRIES
from rayproof.properties.cluster.ray2.transfers import TRANSFER_ENTRIES
from rayproof.properties.entry import Edition, Entry, Scope, equal_nodes
from rayproof.properties.gcs.chain.scopes import CHAIN_ENTRIES
from rayproof.properties.gcs.paper.scopes import STORE_ENTRIES
from rayproof.properties.gcs.ray2.scopes import SERVER_ENTRIES
from rayproof.properties.lineage.paper.scopes import CONTROL_ENTRIES
from rayproof.properties.lineage.ray2.scopes import LINEAGE_ENTRIES
from rayproof.properties.lineage.ray2.workers.scopes import WORKER_ENTRIES
from rayproof.properties.liveness import with_twins
from rayproof.properties.objects.ray2.references.scopes import REFERENCE_ENTRIES
from rayproof.properties.objects.ray2.scopes import OBJECT_ENTRIES
from rayproof.properties.scheduler.paper.scopes import SCHEDULING_ENTRIES

__all__ = [
    "CATALOGUE",
    "COMPONENTS",
    "ENTRIES",
    "EXPECTED_IDLE",
    "Edition",
    "Entry",
    "Scope",
    "Swap",
    "build",
    "equal_nodes",
]


_ENTRIES = (
    *CHAIN_ENTRIES,
    *STORE_ENTRIES,
    *SERVER_ENTRIES,
    *SCHEDULING_ENTRIES,
    *GROUP_ENTRIES,
    *TODAY_ENTRIES,
    *HOOK_ENTRIES,
    *TRANSFER_ENTRIES,
    *LABEL_ENTRIES,
    *CLUSTER_ENTRIES,
    *CHAINED_ENTRIES,
    *WHOLE_ENTRIES,
    *OWNED_ENTRIES,
    *OBJECT_ENTRIES,
    *REFERENCE_ENTRIES,
    *LINEAGE_ENTRIES,
    *WORKER_ENTRIES,
    *CONTROL_ENTRIES,
    *ACTOR_ENTRIES,
    *MIGRATION_ENTRIES,
    *LIFECYCLE_ENTRIES,
    *REPLAY_ENTRIES,
)

ENTRIES = with_twins(_ENTRIES)
"""All of them, the small ones with their claims about runs."""

CATALOGUE: dict[str, Entry] = {entry.name: entry for entry in ENTRIES}
"""Every named scenario."""

COMPONENTS = ("gcs", "scheduler", "objects", "lineage", "actors", "cluster")
"""The parts of the model that `verify` can be asked about; a part without scenarios has none yet."""


EXPECTED_IDLE: Mapping[str, str] = {
    "sched-booting: fault early_timeout": "the budget is for policies that back off; the scope's own waits",
    "LeaseManager receives CountCpus": "idle worker processes are killed in timed runs alone",
    "WorkerPool receives FreeCpus": "likewise",
    "Patience fires look:b": "where tasks fail no time-out is early, and b has its worker before it backs off",
    "Patience fires look again:a": "likewise: a second attempt has its worker before it backs off",
    "Submitter receives LeaseRejected": "in the clusters of owners a redirected request finds the room that was named",
}
"""What the tiny scopes never exercise -> why that is right. An item is a line of `Coverage`; it is expected
of one scenario alone if it begins with that one's name."""


def build(name: str, policy: Policy | None = None, swap: Swap | None = None) -> Scenario:
    """A named scenario; raises `KeyError` for a name that is not in the catalogue."""
    return CATALOGUE[name].build(policy, swap or {})
