"""What the tiny scopes never exercise, and why that is right: the only holes in their coverage.

An item is a line of `model.kernel.coverage`; with a scenario's name before it, it is expected in that scenario alone.
"""

from __future__ import annotations

from collections.abc import Mapping

EXPECTED_IDLE: Mapping[str, str] = {
    "ChainMaster receives Unreachable": "no scope kills a replica while the master's request to it is under way",
    "Directory receives ObjectFailed": "no job of a scope fails: what memory loses, somebody can make again",
    "GlobalScheduler receives ObjectFailed": "an actor that can never live is met by walks of drawn programs alone",
    "LeaseRaylet receives Drain": "the scopes drain by a timer of the operator, which takes the same handler",
    "NodeManager receives Unreachable of HealthCheck": "nodes die between two checks, and the count runs out",
    "sched-booting: fault early_timeout": "the budget is for policies that back off; the scope's own waits",
}
"""Item -> reason."""
