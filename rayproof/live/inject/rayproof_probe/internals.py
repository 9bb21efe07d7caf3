"""The private names of Ray that the recorder lives on, all of them, for the versions whose names they are.

What is wrapped, and why there is no public way: `_remote` of remote functions, actor classes and actor methods (options
as they were resolved), the executor of a task in its worker (first and last statement of a body),
`SerializationContext` (bytes and references of what is stored), `CoreWorker` (references that come and go, awaited
ones), `ObjectRefGenerator`, and what the GCS keeps of tasks, actors, groups and nodes (`ray list` needs the dashboard,
and counts in milliseconds). Source: Ray 2.60.0, `python/ray/`: `actor.py`, `remote_function.py`, and of `_private/`
the modules `worker`, `function_manager`, `serialization`, `state`.
"""

import importlib
from typing import Any

SUPPORTED = ("2.60",)
"""Versions of Ray whose private names these are."""

WRAPPED = (
    ("ray.remote_function", "RemoteFunction._remote"),
    ("ray.actor", "ActorClass._remote"),
    ("ray.actor", "ActorMethod._remote"),
    ("ray.actor", "exit_actor"),
    ("ray._private.object_ref_generator", "ObjectRefGenerator._next_sync"),
    ("ray._private.object_ref_generator", "ObjectRefGenerator._next_async"),
    ("ray._private.function_manager", "FunctionActorManager.get_execution_info"),
    ("ray._private.serialization", "SerializationContext.serialize"),
    ("ray._private.async_compat", "has_async_methods"),
    ("ray._private.worker", "global_worker"),
    ("ray._private.worker", "SCRIPT_MODE"),
    ("ray._private.state", "GlobalState._get_all_task_events"),
    ("ray._private.state", "GlobalState._initialize_global_state"),
    ("ray._private.internal_api", "node_stats"),
    ("ray._raylet", "CoreWorker.add_object_ref_reference"),
    ("ray._raylet", "CoreWorker.remove_object_ref_reference"),
    ("ray._raylet", "CoreWorker.remove_actor_handle_reference"),
    ("ray._raylet", "CoreWorker.set_get_async_callback"),
    ("ray._raylet", "CoreWorker.get_current_task_attempt_number"),
    ("ray._private.state", "available_resources_per_node"),
    ("ray._raylet", "GcsClient"),
    ("ray._raylet", "GcsClientOptions.create"),
    ("ray.util.placement_group", "PlacementGroup.ready"),
    ("ray.util.placement_group", "PlacementGroup.wait"),
    ("ray.util.placement_group", "placement_group"),
    ("ray.util.placement_group", "remove_placement_group"),
    ("ray.cluster_utils", "Cluster.remove_node"),
)


class UnsupportedRayError(RuntimeError):
    """This Ray is not one whose private names the recorder knows."""


def supported(version: str) -> bool:
    """Whether the recorder knows a version of Ray.

    >>> supported("2.60.1"), supported("2.6.0"), supported("2.61.0")
    (True, False, False)
    """
    return ".".join(version.split(".")[:2]) in SUPPORTED


def expected() -> str:
    """The versions, for messages."""
    return "Ray " + " or ".join(f"{version}.x" for version in SUPPORTED)


def check() -> None:
    """Raises `UnsupportedRayError` unless this is a known version with every name in its place."""
    import ray

    if not supported(ray.__version__):
        raise UnsupportedRayError(f"the recorder knows {expected()}; this is Ray {ray.__version__}")
    missing = [f"{module}.{name}" for module, name in WRAPPED if _find(module, name) is None]
    if missing:
        raise UnsupportedRayError(f"Ray {ray.__version__} lacks what {expected()} has: {', '.join(missing)}")


def _find(module: str, name: str) -> Any:
    try:
        found: Any = importlib.import_module(module)
    except ImportError:
        return None
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


# ---- the process -----------------------------------------------------------------------------------------------------


def _worker() -> Any:
    from ray._private import worker

    return worker.global_worker


def is_driver() -> bool:
    """Whether this process runs the script itself, rather than tasks of it."""
    from ray._private import worker

    return bool(worker.global_worker.mode == worker.SCRIPT_MODE)


def connected() -> bool:
    """Whether this process belongs to a cluster at the moment."""
    return bool(_worker().connected)


def gcs_address() -> str:
    """Where the control store of the connected cluster listens."""
    return str(_worker().gcs_client.address)


def attempt_number() -> int:
    """Which attempt of its task the calling thread executes."""
    return int(_worker().core_worker.get_current_task_attempt_number())


def ensure_token() -> None:
    """What `ray.init` does before it starts a cluster: a token, by which its processes know each other."""
    from ray._private.authentication.authentication_token_setup import ensure_token_if_auth_enabled

    ensure_token_if_auth_enabled(create_token_if_missing=True)


# ---- wrapping --------------------------------------------------------------------------------------------------------


def wrap(recorder: Any) -> None:
    """Route every act of this process through a recorder (`acts.Recorder`). Call once, before Ray connects."""
    import ray
    from ray import actor, cluster_utils, remote_function
    from ray._private import function_manager, object_ref_generator, serialization, worker

    # The package has a function of the same name.
    groups = importlib.import_module("ray.util.placement_group")

    _replace(recorder.task, (remote_function.RemoteFunction, "_remote"))
    _replace(recorder.actor, (actor.ActorClass, "_remote"))
    _replace(recorder.method, (actor.ActorMethod, "_remote"))
    for name in ("get", "put", "wait", "kill", "cancel", "init", "shutdown"):
        # Each place has its own: what is in `ray` connects by itself when the script has not.
        _replace(getattr(recorder, name), (worker, name))
        _replace(getattr(recorder, name), (ray, name))
    _replace(recorder.exit_actor, (actor, "exit_actor"))
    _replace(recorder.next_item, (object_ref_generator.ObjectRefGenerator, "_next_sync"))
    _replace(recorder.next_item_async, (object_ref_generator.ObjectRefGenerator, "_next_async"), is_async=True)
    _replace(recorder.serialize, (serialization.SerializationContext, "serialize"))
    _replace(recorder.create_group, (groups, "placement_group"), (ray.util, "placement_group"))
    _replace(recorder.remove_group, (groups, "remove_placement_group"), (ray.util, "remove_placement_group"))
    _replace(recorder.group_ready, (groups.PlacementGroup, "ready"))
    _replace(recorder.group_wait, (groups.PlacementGroup, "wait"))
    _replace(recorder.remove_node, (cluster_utils.Cluster, "remove_node"))
    _executors(recorder, function_manager.FunctionActorManager)
    _core_worker(recorder)


def _replace(around: Any, *places: Any, is_async: bool = False) -> None:
    """Put `around(original, *args)` where the original stands, in every place that has it."""
    import functools

    owner, name = places[0]
    original = getattr(owner, name)
    if is_async:

        @functools.wraps(original)
        async def replaced(*args: Any, **kwargs: Any) -> Any:
            return await around(original, *args, **kwargs)
    else:

        @functools.wraps(original)
        def replaced(*args: Any, **kwargs: Any) -> Any:
            return around(original, *args, **kwargs)

    for owner, name in places:
        setattr(owner, name, replaced)


def _executors(recorder: Any, manager: Any) -> None:
    original = manager.get_execution_info
    wrapped: dict[int, Any] = {}

    def get_execution_info(self: Any, job_id: Any, descriptor: Any) -> Any:
        info = original(self, job_id, descriptor)
        if id(info) not in wrapped:
            # The original is kept, so that its identity is not given to another one.
            wrapped[id(info)] = (info, info._replace(function=recorder.body(info.function)))
        return wrapped[id(info)][1]

    manager.get_execution_info = get_execution_info


def _core_worker(recorder: Any) -> None:
    import ray._raylet

    original = ray._raylet.CoreWorker

    class CoreWorker(original):  # type: ignore[misc, valid-type]
        def add_object_ref_reference(self, ref: Any) -> Any:
            recorder.reference_added(ref)
            return original.add_object_ref_reference(self, ref)

        def remove_object_ref_reference(self, ref: Any) -> Any:
            recorder.reference_removed(ref)
            return original.remove_object_ref_reference(self, ref)

        def remove_actor_handle_reference(self, actor_id: Any) -> Any:
            recorder.handle_removed(actor_id)
            return original.remove_actor_handle_reference(self, actor_id)

        def set_get_async_callback(self, ref: Any, callback: Any) -> Any:
            return original.set_get_async_callback(self, ref, recorder.awaited(ref, callback))

    ray._raylet.CoreWorker = CoreWorker


# ---- what Ray keeps --------------------------------------------------------------------------------------------------


def function_name(function: Any) -> str:
    """Name of a remote function."""
    return str(function._function_name).split(".")[-1]


def class_name(cls: Any) -> str:
    """Name of an actor class."""
    return str(cls.__ray_metadata__.class_name)


def is_async(cls: Any) -> bool:
    """Whether an actor class runs its methods in an event loop: it does as soon as one of them is a coroutine."""
    from ray._private.async_compat import has_async_methods

    return bool(has_async_methods(cls.__ray_metadata__.modified_class))


def node_id(node: Any) -> str:
    """Id of a node that `Cluster.add_node` has returned."""
    return str(node._node_id)


def method_name(method: Any) -> str:
    """Name of an actor's method."""
    return str(method._method_name)


def actor_id(handle: Any) -> str:
    """Id of the actor behind a handle."""
    return str(handle._actor_id.hex())


def generator_ref(found: Any) -> Any:
    """The reference that stands for a streaming generator; None for anything else."""
    return getattr(found, "_generator_ref", None)


def is_internal(executor: Any) -> bool:
    """Whether an executor belongs to Ray itself (`__ray_terminate__` and the like)."""
    return str(getattr(executor, "name", "")).startswith("__ray")


def spills(strategy: Any) -> bool:
    """Whether a node affinity gives way when its node is busy."""
    return bool(getattr(strategy, "_spill_on_unavailable", False))


def fails(strategy: Any) -> bool:
    """Whether a node affinity fails its task when its node is busy."""
    return bool(getattr(strategy, "_fail_on_unavailable", False))


def affinity(node: str, soft: bool) -> Any:
    """A node affinity (public; here so that the policy needs no import of Ray of its own)."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node, soft=soft)


def publish(key: bytes, value: bytes) -> None:
    """Leave a word for all processes of the connected cluster."""
    _worker().gcs_client.internal_kv_put(key, value, True, b"rayproof")


def published(key: bytes) -> Any:
    """The word; None when there is none."""
    return _worker().gcs_client.internal_kv_get(key, b"rayproof")


def free_resources() -> "dict[str, dict[str, float]]":
    """What is free of each node, by its id."""
    from ray._private.state import available_resources_per_node

    found: dict[str, dict[str, float]] = available_resources_per_node()
    return found


def drain(address: str, node: str, deadline_ms: int) -> None:
    """Drain a node as for a preemption. Raises `RuntimeError` when that is not accepted."""
    from ray._raylet import GcsClient
    from ray.core.generated import autoscaler_pb2

    reason = autoscaler_pb2.DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION")
    accepted, why = GcsClient(address=address).drain_node(node, reason, "asked for", deadline_ms)
    if not accepted:
        raise RuntimeError(why)


def collect(address: str = "") -> Any:
    """What the GCS knows of tasks, actors, groups and nodes; of the connected cluster, or of the one at an address.

    Plain values for JSON. Times are nanoseconds of wall clocks: of the owner's host for what happens before a task
    reaches its worker, of the worker's host for RUNNING.
    """
    from ray._private import state
    from ray._raylet import GcsClient, GcsClientOptions

    if address:
        told = state.GlobalState()
        told._initialize_global_state(
            GcsClientOptions.create(address, None, allow_cluster_id_nil=True, fetch_cluster_id_if_nil=False)
        )
        client = GcsClient(address=address)
    else:
        told, client = state.state, _worker().gcs_client
    return {
        "tasks": [_task(event) for event in told._get_all_task_events() if event.HasField("task_info")],
        "actors": [_actor(name, row) for name, row in told.actor_table(None).items()],
        "groups": _groups(told),
        "nodes": nodes(client),
    }


def nodes(client: Any = None, stores: bool = True) -> Any:
    """The nodes, dead ones included; without a client, of the connected cluster."""
    client = _worker().gcs_client if client is None else client
    return [_node(name, info, stores) for name, info in client.get_all_node_info().items()]


def finished_tasks(collected: Any) -> tuple[int, int]:
    """How many attempts a collection has, and how many of them have ended: what settles while a cluster reports."""
    rows = collected["tasks"]
    return len(rows), sum(1 for row in rows if row["state"] in ("FINISHED", "FAILED"))


def _task(event: Any) -> Any:
    from ray.core.generated import common_pb2

    info, updates = event.task_info, event.state_updates
    reached = {common_pb2.TaskStatus.Name(key): value for key, value in updates.state_ts_ns.items()}
    error = updates.error_info.error_type if updates.HasField("error_info") else None
    return {
        "task": event.task_id.hex(),
        "attempt": event.attempt_number,
        "job": event.job_id.hex(),
        "type": common_pb2.TaskType.Name(info.type),
        "name": info.name or info.func_or_class_name,
        "parent": info.parent_task_id.hex(),
        "actor": info.actor_id.hex() or None,
        "group": info.placement_group_id.hex() or None,
        "required": dict(info.required_resources),
        "node": updates.node_id.hex() or None,
        "worker": updates.worker_id.hex() or None,
        "state": common_pb2.TaskStatus.Name(max(updates.state_ts_ns, default=0)),
        "error": None if error is None else common_pb2.ErrorType.Name(error),
        "reached": reached,
    }


def _actor(name: str, row: Any) -> Any:
    cause = row["DeathCause"]
    kind = None if cause is None else cause.WhichOneof("context")
    context: Any = None if kind is None else getattr(cause, kind)
    reason = getattr(context, "reason", None)
    return {
        "actor": name,
        "class": row["ActorClassName"],
        "state": row["State"],
        "detached": row["IsDetached"],
        "name": row["Name"],
        "job": row["JobID"],
        "node": row["Address"]["NodeID"],
        "restarts": row["NumRestarts"],
        "ended_ms": row["EndTime"],
        "reason": None if reason is None else type(context).Reason.Name(reason),
    }


def _groups(told: Any) -> Any:
    from ray.core.generated import common_pb2, gcs_pb2

    found = []
    for blob in told._connect_and_get_accessor().get_placement_group_table():
        row = gcs_pb2.PlacementGroupTableData.FromString(blob)
        created = row.stats.creation_request_received_ns
        ready = created + row.stats.end_to_end_creation_latency_us * 1000
        found.append(
            {
                "group": row.placement_group_id.hex(),
                "name": row.name,
                "job": row.creator_job_id.hex(),
                "strategy": common_pb2.PlacementStrategy.Name(row.strategy),
                "state": gcs_pb2.PlacementGroupTableData.PlacementGroupState.Name(row.state),
                "created": created,
                "ready": ready if row.stats.end_to_end_creation_latency_us else None,
                "bundles": [
                    {"required": dict(bundle.unit_resources), "node": bundle.node_id.hex() or None}
                    for bundle in row.bundles
                ],
            }
        )
    return found


def _node(name: Any, info: Any, stores: bool) -> Any:
    from ray.core.generated import gcs_pb2

    alive = info.state == gcs_pb2.GcsNodeInfo.ALIVE
    row = {
        "node": name.hex(),
        "address": info.node_manager_address,
        "head": info.is_head_node,
        "alive": alive,
        "resources": dict(info.resources_total),
        "labels": dict(info.labels),
        "started_ms": info.start_time_ms,
        "ended_ms": info.end_time_ms or None,
        "death": None if alive else gcs_pb2.NodeDeathInfo.Reason.Name(info.death_info.reason),
    }
    if alive and stores:
        row["store"] = _store(info.node_manager_address, info.node_manager_port)
    return row


def _store(address: str, port: int) -> Any:
    """What a node's object store spilled and restored so far; None when it does not answer."""
    from ray._private import internal_api

    try:
        stats = internal_api.node_stats(address, port, include_memory_info=False).store_stats
    except Exception:
        return None
    return {
        "spilled_bytes": stats.spilled_bytes_total,
        "spilled_objects": stats.spilled_objects_total,
        "restored_bytes": stats.restored_bytes_total,
        "restored_objects": stats.restored_objects_total,
    }
