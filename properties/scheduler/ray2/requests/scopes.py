"""Scopes of lease requests that cannot be served where they are."""

from __future__ import annotations

from rayproof.model.graph import NodeAffinity, Resources
from rayproof.model.kernel import Scenario
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.scheduler.ray2.leases.protocol import SchedulingClass
from rayproof.model.scheduler.ray2.leases.scenarios import lease_scope
from rayproof.model.swap import Swap
from rayproof.properties.entry import Edition, Entry, Scope
from rayproof.properties.scheduler.ray2.leases.statements import LEASES, a_task_runs_elsewhere
from rayproof.properties.scheduler.ray2.requests.statements import REQUESTS

_CLAIMS = (*LEASES, *REQUESTS, a_task_runs_elsewhere)

_CPU, _GPU = Resources.of(CPU=1), Resources.of(GPU=1)

BOUND = (SchedulingClass("n", _GPU, NodeAffinity("raylet1"), ("a", "b", "d")),)
"""Tasks that only one node may run."""

LEAVING = (SchedulingClass("n", _CPU, NodeAffinity("raylet0", soft=True, spill_on_unavailable=True), ("a", "b", "d")),)
"""Tasks that would rather run on their owner's node."""


def _drained(policy: Policy | None, swap: Swap) -> Scenario:
    return lease_scope(
        "requests-drain",
        BOUND,
        (_CPU, _GPU),
        _CLAIMS,
        drains=(1,),
        swap=swap,
    )


def _leaving(policy: Policy | None, swap: Swap) -> Scenario:
    return lease_scope("requests-leave", LEAVING, (_CPU, _CPU), _CLAIMS, swap=swap)


REQUEST_ENTRIES = (
    Entry("requests-drain", "scheduler", Edition.RAY2, Scope.TINY, _drained),
    Entry("requests-leave", "scheduler", Edition.RAY2, Scope.TINY, _leaving),
)
"""The node that tasks are bound to is drained while they wait; the node they prefer is busy."""
