"""What is written down of each act of a process: submissions, gets, puts, waits, bodies, references, groups, nodes."""

import atexit
import contextlib
import contextvars
import inspect
import os
import socket
import sys
import threading
import time
from collections import deque
from typing import Any

from rayproof_probe import internals
from rayproof_probe.writer import MAIN, Writer

now = time.monotonic_ns

KEPT = (
    "num_cpus",
    "num_gpus",
    "resources",
    "memory",
    "accelerator_type",
    "max_retries",
    "max_restarts",
    "max_task_retries",
    "max_concurrency",
    "max_pending_calls",
    "concurrency_group",
    "lifetime",
    "name",
    "namespace",
    "get_if_exists",
    "num_returns",
    "label_selector",
    "fallback_strategy",
    "_labels",
    "_generator_backpressure_num_objects",
)
"""Options that say something about scheduling or about what a task is."""

MUTED = "rayproof"
"""Prefix of the names of tasks and actors that the recorder itself needs."""

_task: "contextvars.ContextVar[str | None]" = contextvars.ContextVar("rayproof_task", default=None)
_quiet: "contextvars.ContextVar[int]" = contextvars.ContextVar("rayproof_quiet", default=0)
_measured: "contextvars.ContextVar[list[Any] | None]" = contextvars.ContextVar("rayproof_measured", default=None)

MOST_PENDING = 1_000
"""Tasks whose results may wait to be stored, where bodies overlap; those before them were never stored."""

SETTLE_S = 4.0
"""How long the end of a recording waits at most for what Ray's processes still have to report."""

_recorder: "Recorder | None" = None


def start(folder: str) -> None:
    """Record this process into a folder. Raises `internals.UnsupportedRayError`; a second call does nothing."""
    global _recorder
    if _recorder is not None:
        return
    internals.check()
    _recorder = Recorder(folder)
    internals.wrap(_recorder)
    atexit.register(_recorder.at_exit)
    if os.environ.get("RAYPROOF_POLICY"):
        # Only then: a policy needs rayproof itself.
        from rayproof.live.deciding import LiveDecider

        _recorder.decider = LiveDecider(_recorder)


class muted:
    """Nothing is recorded in here: the recorder's own calls, and calls that Ray makes of itself."""

    def __enter__(self) -> None:
        self._token = _quiet.set(1)

    def __exit__(self, *raised: object) -> None:
        _quiet.reset(self._token)


def refs_of(found: Any) -> "list[Any]":
    """The references that a call of `.remote()` returned; a generator's own one stands for all its items."""
    if found is None:
        return []
    if isinstance(found, (list, tuple)):
        return list(found)
    generator = internals.generator_ref(found)
    return [found] if generator is None else [generator]


class Recorder:
    """Writes the acts of this process; each method stands around one of Ray's (see `internals.wrap`)."""

    def __init__(self, folder: str) -> None:
        self.writer = Writer(folder)
        self.decider: Any = None
        """Chooses nodes, in `rayproof run`."""
        self._held: dict[str, int] = {}
        """References that this process holds of each object."""
        self._results: dict[int, deque[tuple[str, int]]] = {}
        """What bodies have returned and nobody has stored yet: by identity, whose result it is and which."""
        self._pending: dict[str, list[int]] = {}
        """The identities filed there, by task."""
        self._bodies: dict[str, None] = {}
        """Tasks whose bodies run in this process now."""
        self._told = False
        self._driver = False
        self._head: dict[str, Any] = {}
        self._collected = False

    def write(self, event: str, at: "int | None" = None, /, **fields: Any) -> None:
        """One event; the first one after connecting is preceded by who this process is."""
        if not self._told and internals.connected():
            self._told = True
            self._tell()
        self.writer.event(event, now() if at is None else at, **fields)

    def _tell(self) -> None:
        import ray

        self._driver = internals.is_driver()
        with muted():
            context = ray.get_runtime_context()
            self._head = {
                "role": "driver" if self._driver else "worker",
                "node": context.get_node_id(),
                "worker": context.get_worker_id(),
                "job": context.get_job_id(),
                "ray": ray.__version__,
            }
        self.writer.event("connected", now(), **self._head)

    def by(self) -> "str | None":
        """The task that acts now; None for the driver."""
        if self._driver:
            return None
        task = _task.get()
        if task is None and self._bodies:
            # A thread that a body has started, or that Ray calls back on.
            task = next(reversed(self._bodies))
        return task

    # ---- submissions -------------------------------------------------------------------------------------------------

    def task(self, original: Any, function: Any, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
        """`RemoteFunction._remote`."""
        if _quiet.get():
            return original(function, args=args, kwargs=kwargs, **options)
        name = options.get("name") or internals.function_name(function)
        if self.decider is not None:
            options = self.decider.placed(name, args, kwargs, options, False)
        return self._submit(
            "task", name, args, kwargs, options, lambda: original(function, args=args, kwargs=kwargs, **options)
        )

    def method(
        self, original: Any, method: Any, args: Any = None, kwargs: Any = None, *rest: Any, **options: Any
    ) -> Any:
        """`ActorMethod._remote`."""
        if _quiet.get():
            return original(method, args, kwargs, *rest, **options)
        name = internals.method_name(method)
        return self._submit(
            "method", name, args, kwargs, options, lambda: original(method, args, kwargs, *rest, **options)
        )

    def _submit(self, kind: str, name: str, args: Any, kwargs: Any, options: Any, call: Any) -> Any:
        # Connecting, if this is the first thing that the script does with Ray, is not part of the submission.
        if not self._told:
            self._connect()
        passed: list[Any] = []
        token = _measured.set(passed)
        at = now()
        try:
            found = call()
        finally:
            took = now() - at
            _measured.reset(token)
        refs = refs_of(found)
        if refs:
            rets = [ref.hex() for ref in refs]
            task_id = refs[0].task_id()
            task = task_id.hex()
            for ref in rets:
                self._held[ref] = self._held.get(ref, 0) + 1
            fields = {"kind": kind, "task": task, "name": name, "by": self.by(), "rets": rets, "ns": took}
            if kind == "method":
                fields["actor"] = task_id.actor_id().hex()
            if internals.generator_ref(found) is not None:
                fields["streaming"] = True
            self.write("submit", at, **fields, **_arguments(args, kwargs, passed), **_options(options))
            if self.decider is not None:
                self.decider.submitted(task)
        return found

    def actor(self, original: Any, cls: Any, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
        """`ActorClass._remote`; with `get_if_exists` it calls itself, and only a creation is one."""
        if _quiet.get() or options.get("get_if_exists"):
            return original(cls, args=args, kwargs=kwargs, **options)
        if not self._told:
            self._connect()
        name = internals.class_name(cls)
        if self.decider is not None:
            options = self.decider.placed(name, args, kwargs, options, True)
        passed: list[Any] = []
        token = _measured.set(passed)
        at = now()
        try:
            handle = original(cls, args=args, kwargs=kwargs, **options)
        finally:
            took = now() - at
            _measured.reset(token)
        actor = internals.actor_id(handle)
        self.write(
            "submit",
            at,
            kind="actor",
            actor=actor,
            name=name,
            by=self.by(),
            ns=took,
            is_async=internals.is_async(cls),
            **_arguments(args, kwargs, passed),
            **_options(options),
        )
        if self.decider is not None:
            self.decider.submitted(actor)
        return handle

    def _connect(self) -> None:
        import ray

        if not ray.is_initialized():
            ray.init()

    # ---- objects -----------------------------------------------------------------------------------------------------

    def get(self, original: Any, refs: Any, *args: Any, **kwargs: Any) -> Any:
        """`ray.get`."""
        if _quiet.get():
            return original(refs, *args, **kwargs)
        wanted = [ref.hex() for ref in (refs if isinstance(refs, (list, tuple)) else [refs]) if _is_ref(ref)]
        if not wanted:
            return original(refs, *args, **kwargs)
        by = self.by()
        self.write("get_begin", objs=wanted, by=by)
        self._blocked(True)
        try:
            found = original(refs, *args, **kwargs)
        except BaseException as error:
            self.write("get_end", by=by, ok=False, err=_error(error))
            raise
        finally:
            self._blocked(False)
        self.write("get_end", by=by, ok=True)
        return found

    def put(self, original: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
        """`ray.put`."""
        if _quiet.get():
            return original(value, *args, **kwargs)
        passed: list[Any] = []
        token = _measured.set(passed)
        at = now()
        try:
            ref = original(value, *args, **kwargs)
        finally:
            _measured.reset(token)
        made = ref.hex()
        self._held[made] = self._held.get(made, 0) + 1
        size = sum(stored.total_bytes for stored in passed)
        self.write("put", obj=made, by=self.by(), size=size, ns=now() - at, **_held(passed))
        if self.decider is not None:
            self.decider.made(made, size)
        return ref

    def wait(self, original: Any, refs: Any, *args: Any, **kwargs: Any) -> Any:
        """`ray.wait`."""
        wanted = [] if _quiet.get() else [ref.hex() for ref in map(_plain, refs) if _is_ref(ref)]
        if not wanted:
            return original(refs, *args, **kwargs)
        by = self.by()
        self.write(
            "wait_begin",
            objs=wanted,
            n=kwargs.get("num_returns", 1),
            timeout=kwargs.get("timeout"),
            fetch=kwargs.get("fetch_local", True),
            by=by,
        )
        self._blocked(True)
        try:
            ready, rest = original(refs, *args, **kwargs)
        except BaseException as error:
            self.write("wait_end", ready=[], by=by, err=_error(error))
            raise
        finally:
            self._blocked(False)
        self.write("wait_end", ready=[ref.hex() for ref in map(_plain, ready) if _is_ref(ref)], by=by)
        return ready, rest

    def _blocked(self, blocked: bool) -> None:
        if self.decider is not None and not self._driver:
            self.decider.blocked(self.by(), blocked)

    def awaited(self, ref: Any, callback: Any) -> Any:
        """`await ref`, `ref.future()`: the callback that Ray gets instead of the given one."""
        if _quiet.get():
            return callback
        wanted, by, at = ref.hex(), self.by(), now()

        def done(*args: Any) -> Any:
            # Written at its end only: others of this process may have begun and ended meanwhile.
            told = args[0] if args else None
            failed = {"ok": False, "err": _error(told)} if isinstance(told, BaseException) else {}
            self.write("awaited", obj=wanted, by=by, since=at, **failed)
            return callback(*args)

        return done

    def next_item(self, original: Any, generator: Any, *args: Any, **kwargs: Any) -> Any:
        """`next()` of a streaming generator."""
        if _quiet.get():
            return original(generator, *args, **kwargs)
        at = now()
        with muted():
            ref = original(generator, *args, **kwargs)
        self._item(ref, at)
        return ref

    async def next_item_async(self, original: Any, generator: Any, *args: Any, **kwargs: Any) -> Any:
        """The same of `async for`."""
        at = now()
        with muted():
            ref = await original(generator, *args, **kwargs)
        self._item(ref, at)
        return ref

    def _item(self, ref: Any, at: int) -> None:
        if not ref.is_nil():
            self.write("item", obj=ref.hex(), by=self.by(), since=at)

    def reference_added(self, ref: Any) -> None:
        """One more reference of this process to an object."""
        name = ref.hex()
        self._held[name] = self._held.get(name, 0) + 1

    def reference_removed(self, ref: Any) -> None:
        """One less; with the last one this process has dropped the object. May be called anywhere by a collector."""
        name = ref.hex()
        left = self._held.get(name, 1) - 1
        if left > 0:
            self._held[name] = left
            return
        self._held.pop(name, None)
        # What a worker drops between bodies are Ray's own references to the arguments of the last one.
        if self._told and (self._driver or self._bodies) and not _quiet.get():
            self.writer.event("drop", now(), obj=name, by=self.by())

    def handle_removed(self, actor_id: Any) -> None:
        """A handle of an actor went out of scope here."""
        if self._told and (self._driver or self._bodies) and not _quiet.get():
            self.writer.event("drop_handle", now(), actor=actor_id.hex(), by=self.by())

    # ---- faults ------------------------------------------------------------------------------------------------------

    def kill(self, original: Any, handle: Any, *args: Any, **kwargs: Any) -> Any:
        """`ray.kill`."""
        if not _quiet.get():
            restart = not (args[0] if args else kwargs.get("no_restart", True))
            self.write("fault", what="kill_actor", actor=internals.actor_id(handle), by=self.by(), restart=restart)
            if self.decider is not None and not restart:
                self.decider.died(internals.actor_id(handle))
        return original(handle, *args, **kwargs)

    def cancel(self, original: Any, ref: Any, *args: Any, **kwargs: Any) -> Any:
        """`ray.cancel`."""
        refs = refs_of(ref)
        if refs and not _quiet.get():
            self.write(
                "fault",
                what="cancel",
                task=refs[0].task_id().hex(),
                by=self.by(),
                force=bool(kwargs.get("force")),
                recursive=bool(kwargs.get("recursive", True)),
            )
        if refs and self.decider is not None:
            self.decider.died(refs[0].task_id().hex())
        return original(ref, *args, **kwargs)

    def exit_actor(self, original: Any) -> Any:
        """`ray.actor.exit_actor`."""
        by = self.by()
        self.write("fault", what="actor_exit", task=by, by=by)
        return original()

    def remove_node(self, original: Any, cluster: Any, node: Any, *args: Any, **kwargs: Any) -> Any:
        """`Cluster.remove_node`."""
        graceful = args[0] if args else kwargs.get("allow_graceful", True)
        self.write("fault", what="kill_node", node=internals.node_id(node), graceful=graceful)
        return original(cluster, node, *args, **kwargs)

    # ---- placement groups --------------------------------------------------------------------------------------------

    def create_group(self, original: Any, bundles: Any, strategy: Any = None, *args: Any, **kwargs: Any) -> Any:
        """`ray.util.placement_group`."""
        if not self._told:
            self._connect()
        at = now()
        group = original(bundles, strategy, *args, **kwargs)
        if not _quiet.get():
            self.write(
                "group",
                at,
                group=group.id.hex(),
                bundles=bundles,
                strategy=strategy,
                by=self.by(),
                topology=kwargs.get("topology_strategy"),
                selectors=kwargs.get("bundle_label_selector"),
                lifetime=kwargs.get("lifetime"),
            )
        return group

    def remove_group(self, original: Any, group: Any) -> Any:
        """`ray.util.remove_placement_group`; where its bundles were is asked before, since Ray then forgets it."""
        import ray

        if not _quiet.get():
            with muted():
                where = ray.util.placement_group_table(group).get("bundles_to_node_id") or {}
            self.write("remove_group", group=group.id.hex(), by=self.by(), nodes=[where[i] for i in sorted(where)])
        return original(group)

    def group_ready(self, original: Any, group: Any) -> Any:
        """`PlacementGroup.ready`: an object that appears when the group is reserved."""
        ref = original(group)
        if not _quiet.get():
            self.write("group_ref", group=group.id.hex(), obj=ref.hex())
        return ref

    def group_wait(self, original: Any, group: Any, *args: Any, **kwargs: Any) -> Any:
        """`PlacementGroup.wait`."""
        at = now()
        done = original(group, *args, **kwargs)
        if not _quiet.get():
            self.write("group_wait", group=group.id.hex(), by=self.by(), since=at, ok=bool(done))
        return done

    # ---- bodies ------------------------------------------------------------------------------------------------------

    def body(self, executor: Any) -> Any:
        """What runs instead of a function or method: the same, with its first and last moment written down."""
        method = getattr(executor, "method", executor)
        if internals.is_internal(executor) or getattr(method, "__qualname__", "").startswith(MUTED):
            return executor
        wrapped: Any
        if inspect.iscoroutinefunction(method):

            async def wrapped(*args: Any, **kwargs: Any) -> Any:
                task, token = self._begin()
                try:
                    found = await executor(*args, **kwargs)
                except BaseException as error:
                    self._end(task, token, error)
                    raise
                self._end(task, token, None, found)
                return found
        elif inspect.isasyncgenfunction(method):

            async def wrapped(*args: Any, **kwargs: Any) -> Any:
                task, token = self._begin()
                items, position, sent = executor(*args, **kwargs), 0, None
                try:
                    while True:
                        item = await items.asend(sent)
                        self._yielded(task, position, item)
                        position += 1
                        sent = yield item
                except StopAsyncIteration:
                    self._end(task, token, None)
                except BaseException as error:
                    self._end(task, token, error)
                    raise

        elif inspect.isgeneratorfunction(method):

            def wrapped(*args: Any, **kwargs: Any) -> Any:
                task, token = self._begin()
                try:
                    found = yield from _Watched(executor(*args, **kwargs), lambda i, item: self._yielded(task, i, item))
                except BaseException as error:
                    self._end(task, token, error)
                    raise
                self._end(task, token, None)
                return found

        else:

            def wrapped(*args: Any, **kwargs: Any) -> Any:
                task, token = self._begin()
                try:
                    found = executor(*args, **kwargs)
                except BaseException as error:
                    self._end(task, token, error)
                    raise
                self._end(task, token, None, found)
                return found

        for name in ("name", "method", "__name__", "__doc__", "__module__", "__qualname__"):
            if hasattr(executor, name):
                setattr(wrapped, name, getattr(executor, name))
        return wrapped

    def _begin(self) -> "tuple[str, Any]":
        import ray

        with muted():
            task = ray.get_runtime_context().get_task_id()
        token = _task.set(task)
        if threading.get_ident() == MAIN:
            # Here bodies do not overlap, and what has not been stored by now never will be.
            self._results.clear()
            self._pending.clear()
        self._bodies[task] = None
        self.write("start", task=task, att=internals.attempt_number())
        if self.decider is not None:
            self.decider.started(task)
        return task, token

    def _end(self, task: str, token: Any, error: "BaseException | None", found: Any = None) -> None:
        self._bodies.pop(task, None)
        # A generator may be closed from another context than the one that it began in.
        with contextlib.suppress(ValueError):
            _task.reset(token)
        if error is None:
            self.write("end", task=task, ok=True)
            # Whether Ray stores it as one object or in parts depends on num_returns, which a worker does not tell.
            parts = found if isinstance(found, (list, tuple)) and len(found) <= 1000 else ()
            for index, part in enumerate((found, *parts)):
                self._expect(task, max(index, 1), part)
        else:
            self.write("end", task=task, ok=False, err=_error(error))
        if self.decider is not None:
            self.decider.ended(task)

    def _yielded(self, task: str, position: int, item: Any) -> None:
        self._expect(task, position + 2, item)

    def _expect(self, task: str, index: int, value: Any) -> None:
        """The next time that this very value is stored, it is result `index` of a task (items are counted from 2)."""
        self._results.setdefault(id(value), deque()).append((task, index))
        self._pending.setdefault(task, []).append(id(value))
        while len(self._pending) > MOST_PENDING:
            self._forget(next(iter(self._pending)))

    def _forget(self, task: str) -> None:
        for value in self._pending.pop(task, ()):
            waiting = self._results.get(value)
            if waiting is not None:
                left = deque(entry for entry in waiting if entry[0] != task)
                if left:
                    self._results[value] = left
                else:
                    del self._results[value]

    def serialize(self, original: Any, context: Any, value: Any) -> Any:
        """`SerializationContext.serialize`: how many bytes an object has, and which references it holds."""
        stored = original(context, value)
        passed = _measured.get()
        if passed is not None:
            passed.append(stored)
            return stored
        waiting = self._results.get(id(value))
        if waiting:
            task, index = waiting.popleft()
            if not waiting:
                del self._results[id(value)]
            size = stored.total_bytes
            self.write("out", task=task, index=index, size=size, **_held([stored]))
            if self.decider is not None:
                self.decider.result(task, index, size)
        return stored

    # ---- the session -------------------------------------------------------------------------------------------------

    def init(self, original: Any, address: Any = None, *args: Any, **kwargs: Any) -> Any:
        """`ray.init`: connects where `rayproof record` says, and makes workers elsewhere carry the probe, too."""
        given = os.environ.get("RAYPROOF_CLUSTER")
        if given and address in (None, "auto", "local"):
            address = given
            for name in (
                "num_cpus",
                "num_gpus",
                "resources",
                "labels",
                "object_store_memory",
                "_memory",
                "include_dashboard",
            ):
                if kwargs.pop(name, None) is not None:
                    print(f"rayproof: ray.init({name}=...) is left out: the cluster is given", file=sys.stderr)
            kwargs.pop("_system_config", None)
        if os.environ.get("RAYPROOF_SHIP"):
            kwargs["runtime_env"] = _shipped(kwargs.get("runtime_env"))
        if str(address or "").startswith("ray://"):
            print("rayproof: Ray Client (ray://) is not recorded: its tasks are submitted elsewhere", file=sys.stderr)
        found = original(address, *args, **kwargs)
        self._collected = False
        self._told = False
        with muted():
            self.write("init", nodes=internals.nodes(stores=False))
            if self.decider is not None and self._driver and self.decider.decider is None:
                self.decider.begin()
        return found

    def shutdown(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        """`ray.shutdown`: collects what Ray knows while it is still there to be asked."""
        self.collect()
        return original(*args, **kwargs)

    def at_exit(self) -> None:
        """The process leaves; the cluster may leave with it."""
        self.collect()

    def collect(self) -> None:
        """Ask the cluster, once, what it kept of this session. Nothing that fails here may reach the script."""
        import ray

        if self._collected or not self._driver or not ray.is_initialized():
            return
        self._collected = True
        with muted():
            if self.decider is not None:
                self.decider.finish()
            try:
                from rayproof_probe import collecting

                collecting.collect(self.writer)
            except Exception as error:
                print(f"rayproof: Ray could not be asked about its tasks: {error}", file=sys.stderr)
            self.writer.event(
                "left", now(), spent=self.writer.spent_ns, events=self.writer.events, host_name=socket.gethostname()
            )
        self._told = False


class _Watched:
    """A generator, with every item that it yields shown to somebody; `yield from` hands on what is sent to it."""

    def __init__(self, items: Any, show: Any) -> None:
        self._items, self._show, self._position = items, show, 0

    def __iter__(self) -> "_Watched":
        return self

    def _shown(self, item: Any) -> Any:
        self._show(self._position, item)
        self._position += 1
        return item

    def __next__(self) -> Any:
        return self._shown(next(self._items))

    def send(self, value: Any) -> Any:
        return self._shown(self._items.send(value))

    def throw(self, *error: Any) -> Any:
        return self._shown(self._items.throw(*error))

    def close(self) -> None:
        self._items.close()


def _is_ref(found: Any) -> bool:
    import ray

    return isinstance(found, ray.ObjectRef)


def _plain(found: Any) -> Any:
    """Of a streaming generator, which `ray.wait` takes too, its own reference."""
    ref = internals.generator_ref(found)
    return found if ref is None else ref


def _arguments(args: Any, kwargs: Any, passed: "list[Any]") -> "dict[str, Any]":
    """References passed as arguments, references inside other arguments, and the bytes of those."""
    every = [*(args or ()), *(kwargs or {}).values()]
    found = {"args": [arg.hex() for arg in every if _is_ref(arg)]}
    if passed:
        found["bytes"] = sum(stored.total_bytes for stored in passed)
        found.update(_held(passed))
    return found


def _held(passed: "list[Any]") -> "dict[str, Any]":
    inside = [ref.hex() for stored in passed for ref in stored.contained_object_refs if _is_ref(ref)]
    return {"nested": inside} if inside else {}


def _options(options: Any) -> "dict[str, Any]":
    found = {name: options[name] for name in KEPT if options.get(name) is not None}
    retried = options.get("retry_exceptions")
    if retried:
        found["retry_exceptions"] = (
            True if retried is True else [getattr(error, "__name__", str(error)) for error in retried]
        )
    strategy = options.get("scheduling_strategy")
    if strategy is not None:
        found["strategy"] = _strategy(strategy)
    elif options.get("placement_group") not in (None, "default"):
        group = options["placement_group"]
        found["strategy"] = {"pg": group.id.hex(), "bundle": options.get("placement_group_bundle_index", -1)}
    return {"opts": found} if found else {}


def _strategy(strategy: Any) -> Any:
    from ray.util import scheduling_strategies as known

    if isinstance(strategy, str):
        return strategy
    if isinstance(strategy, known.NodeAffinitySchedulingStrategy):
        found: dict[str, Any] = {"affinity": strategy.node_id, "soft": bool(strategy.soft)}
        if internals.spills(strategy):
            found["spill"] = True
        if internals.fails(strategy):
            found["fail"] = True
        return found
    if isinstance(strategy, known.PlacementGroupSchedulingStrategy):
        group = strategy.placement_group
        return "DEFAULT" if group is None else {"pg": group.id.hex(), "bundle": strategy.placement_group_bundle_index}
    return {"other": type(strategy).__name__}


def _error(error: BaseException) -> str:
    return type(error).__name__


def _shipped(runtime_env: Any) -> Any:
    """The job's runtime environment, with the probe in it: a running cluster inherits nothing from this process."""
    found = dict(runtime_env or {})
    if found.get("worker_process_setup_hook"):
        print(
            "rayproof: the script has a worker_process_setup_hook of its own: bodies are not recorded", file=sys.stderr
        )
        return found
    here = os.path.dirname(os.path.abspath(__file__))
    found["worker_process_setup_hook"] = "rayproof_probe.activate"
    found["py_modules"] = [*found.get("py_modules", ()), here]
    found["env_vars"] = {**found.get("env_vars", {}), "RAYPROOF_PROBE_DIR": os.environ["RAYPROOF_PROBE_DIR"]}
    return found


def running_bodies() -> int:
    """Bodies that run in this process now."""
    return 0 if _recorder is None else len(_recorder._bodies)


_exit = os._exit


def _noted_exit(code: int) -> None:
    """`os._exit` inside a body ends the worker; Ray's own exits of idle workers are none of the program's acts."""
    if _recorder is not None and _recorder._bodies and not _recorder._driver:
        by = _recorder.by()
        _recorder.write("fault", what="worker_exit", task=by, by=by, code=code)
    _exit(code)


os._exit = _noted_exit  # type: ignore[assignment]
