"""Which call of Ray's a message of the model is, for its testing switches.

Source: Ray 2.60, `src/ray/rpc/rpc_chaos.cc` (failures: a JSON object, method -> numbers and per cents),
`src/ray/common/asio/asio_chaos.cc` (delays: method=MIN:MAX in microseconds), and the services' .proto files.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from rayproof.model.kernel import FaultKind


@dataclass(frozen=True)
class Method:
    """A remote call; `reply`: its answer rather than its request."""

    service: str
    name: str
    reply: bool = False

    @property
    def client(self) -> str:
        """As failures name it."""
        return f"{self.service}.grpc_client.{self.name}"

    @property
    def handler(self) -> str:
        """As delays name it: where the request, or the reply, is handled."""
        return self.client if self.reply else f"{self.service}.grpc_server.{self.name}"


def _methods() -> dict[str, Method]:
    node, core = "NodeManagerService", "CoreWorkerService"
    groups, actors = "ray::rpc::PlacementGroupInfoGcsService", "ray::rpc::ActorInfoGcsService"
    calls = (
        (node, "RequestWorkerLease", ("RequestLease",), ("LeaseGranted", "RetryAt", "LeaseRejected", "LeaseCancelled")),
        (node, "ReturnWorkerLease", ("ReturnWorker",), ()),
        (node, "CancelWorkerLease", ("CancelLease",), ("NothingToCancel",)),
        (core, "PushTask", ("PushTask", "PushCall", "ExecuteOn", "Execute"), REPLIES_OF_TASKS),
        (core, "GetObjectStatus", ("Locate",), ("ObjectAt", "Located")),
        (core, "CancelTask", ("StopAttempt",), ()),
        (node, "PinObjectIDs", ("PinCopy",), ("PinnedCopy",)),
        (node, "PrepareBundleResources", ("Prepare",), ("Prepared",)),
        (node, "CommitBundleResources", ("Commit",), ("Committed",)),
        (node, "RemovePlacementGroupBundles", ("ReturnBundles",), ()),
        (node, "ReleaseUnusedBundles", ("ReleaseUnused",), ()),
        (groups, "CreatePlacementGroup", ("CreateGroup",), ()),
        (groups, "RemovePlacementGroup", ("RemoveGroup",), ()),
        (actors, "CreateActor", ("CreateActor",), ()),
        (actors, "KillActorViaGcs", ("KillActor",), ()),
    )
    found = {}
    for service, name, requests, replies in calls:
        found.update(dict.fromkeys(requests, Method(service, name)))
        found.update(dict.fromkeys(replies, Method(service, name, reply=True)))
    return found


REPLIES_OF_TASKS = ("TaskReply", "CallResult", "ExecutionReply")
METHODS = _methods()
"""By the name of the message's class. What is not here is no remote call: a report, a broken connection."""

DELAY_US = 2_000_000
"""For how long a late message is held; bodies wait for each other in between."""

FAILURES, DELAYS = "RAY_testing_rpc_failure", "RAY_testing_asio_delay_us"

_BOUND = {
    FaultKind.LOSE: "req",
    FaultKind.TRUNCATE: "req",
    FaultKind.LOSE_REPLY: "resp",
    FaultKind.DUPLICATE: "in_flight",
}


def failures(struck: Iterable[tuple[Method, FaultKind, int]]) -> str:
    """The switch: the first call of a method fails for certain, a later one with some chance, each once.

    >>> failures([(Method("S", "M"), FaultKind.LOSE_REPLY, 1)])
    '{"S.grpc_client.M": {"num_failures": 1, "num_lower_bound_resp_failures": 1}}'
    """
    found: dict[str, dict[str, int]] = {}
    for method, fault, nth in struck:
        # The reply of a call that is lost on the way back is the same failure whatever its message is called.
        kind = "resp" if method.reply and fault is not FaultKind.DUPLICATE else _BOUND[fault]
        entry = found.setdefault(method.client, {"num_failures": 0})
        entry["num_failures"] += 1
        if nth == 1:
            entry[f"num_lower_bound_{kind}_failures"] = entry.get(f"num_lower_bound_{kind}_failures", 0) + 1
        else:
            entry[f"{kind}_failure_prob"] = max(entry.get(f"{kind}_failure_prob", 0), 100 // nth)
    return json.dumps(found)


def delays(late: Iterable[Method]) -> str:
    """The switch for late messages.

    >>> delays([Method("S", "M"), Method("S", "M", reply=True)])
    'S.grpc_client.M=2000000:2000000,S.grpc_server.M=2000000:2000000'
    """
    return ",".join(f"{handler}={DELAY_US}:{DELAY_US}" for handler in sorted({each.handler for each in late}))
