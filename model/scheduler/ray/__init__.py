"""Ray's placement policies, exact to the choice, as pure functions over one scheduler's view of the cluster.

Source: Ray 2.60, `src/ray/raylet/scheduling/policy/*.cc`, `cluster_resource_scheduler.cc` and
`src/ray/core_worker/lease_policy.cc`. Where Ray's answer depends on a draw or on the order of a hash container, a
function returns every legal answer with its weight. Left out: what happens around a decision (queues, leases, replies).
"""

from rayproof.model.scheduler.ray.affinity import NodeAffinityOptions, bundle_affinity, node_affinity
from rayproof.model.scheduler.ray.answer import NIL, Answer
from rayproof.model.scheduler.ray.bundles import (
    BundleOutcome,
    Status,
    is_legal_placement,
    schedule_bundles,
)
from rayproof.model.scheduler.ray.cluster_scheduler import Decision, LeaseOptions, best_for_lease, best_for_strategy
from rayproof.model.scheduler.ray.draws import node_label, random_node
from rayproof.model.scheduler.ray.hybrid import HybridOptions, best_node, hybrid
from rayproof.model.scheduler.ray.instances import allocate, release, whole_instances
from rayproof.model.scheduler.ray.labels import LabelConstraint, LabelOperator
from rayproof.model.scheduler.ray.locality import Argument, LeaseTarget, lease_target
from rayproof.model.scheduler.ray.node_order import murmur_hash_64a, node_rank, order_by_rank
from rayproof.model.scheduler.ray.round_robin import round_robin
from rayproof.model.scheduler.ray.view import (
    Node,
    NodeResources,
    Request,
    critical_utilization,
    is_available,
    is_feasible,
)

__all__ = [
    "NIL",
    "Answer",
    "Argument",
    "BundleOutcome",
    "Decision",
    "HybridOptions",
    "LabelConstraint",
    "LabelOperator",
    "LeaseOptions",
    "LeaseTarget",
    "Node",
    "NodeAffinityOptions",
    "NodeResources",
    "Request",
    "Status",
    "allocate",
    "best_for_lease",
    "best_for_strategy",
    "best_node",
    "bundle_affinity",
    "critical_utilization",
    "hybrid",
    "is_available",
    "is_feasible",
    "is_legal_placement",
    "lease_target",
    "murmur_hash_64a",
    "node_affinity",
    "node_label",
    "node_rank",
    "order_by_rank",
    "random_node",
    "release",
    "round_robin",
    "schedule_bundles",
    "whole_instances",
]
