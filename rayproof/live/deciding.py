"""The policy of `rayproof run` inside the processes of a script: the driver decides, the others ask it.

Every process tells the driver of bodies that begin, end and block, over one connection on the driver's host. What a
worker submits is decided by the driver, too, so that there is one view and one memory. A decision becomes a node
affinity: soft by default (another node if that one dies), hard if so asked. What has a strategy of its own keeps it.

WAIT lets `.remote()` wait. In a worker, that wait gives back the CPUs of the body that submits, as `ray.get` does; else
a policy that waits for room could wait for its own submitter. A wait ends without an answer, and Ray's own policy
decides, when nothing that runs could change the view any more, or after `RAYPROOF_WAIT_S` seconds.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import socketserver
import sys
import threading
import time
from typing import Any

from rayproof.live.decider import Decider, Node, Question, demand_of
from rayproof.model.graph import Hints, Resources
from rayproof.model.kernel import PolicyError
from rayproof.policies import load_policy
from rayproof.recordings.tasks import hints_in

KEY = b"rayproof:decider"
GRACE_S = 2.0
"""How long nothing must be able to change the view before a wait is given up."""
POLL_S = 0.02
LEFT_ALONE = ("label_selector", "fallback_strategy", "placement_group")
"""Options that say where a task may run."""


class LiveDecider:
    """The decider as a process of the script sees it. `recorder` is the probe's."""

    def __init__(self, recorder: Any) -> None:
        self._recorder = recorder
        self._lock = threading.RLock()
        self._connection: _Connection | None = None
        self._local = threading.local()
        self._spec = os.environ["RAYPROOF_POLICY"]
        self._soft = os.environ.get("RAYPROOF_AFFINITY", "soft") == "soft"
        self._wait_s = float(os.environ.get("RAYPROOF_WAIT_S", "10"))
        self._seed = int(os.environ.get("RAYPROOF_SEED", "0"))
        self.decider: Decider | None = None
        self._server: socketserver.ThreadingTCPServer | None = None
        self._gate: Any = None
        self._deaf = False
        self.secret = secrets.token_hex(16).encode()
        """What another process must say first."""
        self.left_alone = 0
        self.given_up = 0
        self.error: PolicyError | None = None
        self.times: list[float] = []

    # ---- the driver --------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """The driver has connected: know the nodes, and listen to the others."""
        from rayproof_probe import internals

        rows = [row for row in internals.nodes(stores=False) if row["alive"]]
        rows.sort(key=lambda row: (not row["head"], row["started_ms"], row["node"]))
        nodes = [Node(row["node"], _amounts(row["resources"]), tuple(sorted(row["labels"].items()))) for row in rows]
        self._deaf = False
        self.decider = Decider(load_policy(self._spec).policy, nodes, self._seed)
        own = next(row["address"] for row in rows if row["node"] == self._node())
        self._server = socketserver.ThreadingTCPServer((own, 0), _Handler, bind_and_activate=True)
        self._server.daemon_threads = True
        self._server.live = self  # type: ignore[attr-defined]
        threading.Thread(target=self._server.serve_forever, daemon=True, name="rayproof-decider").start()
        internals.publish(KEY, b"%s:%d:%s" % (own.encode(), self._server.server_address[1], self.secret))

    def finish(self) -> None:
        """The session ends: write down how it went."""
        from rayproof_probe import internals

        if self.decider is None:
            return
        internals.publish(KEY, b"")
        ordered = sorted(self.times)
        self._recorder.write(
            "decided",
            chosen=dict(self.decider.chosen),
            waits=self.decider.waits,
            left_alone=self.left_alone,
            given_up=self.given_up,
            error=None if self.error is None else [self.error.rule, str(self.error)],
            p50_us=round(1e6 * ordered[len(ordered) // 2]) if ordered else None,
        )
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        self.decider, self._server, self._connection = None, None, None

    def handle(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """What another process says (nothing to answer) or asks."""
        with self._lock:
            if self.decider is None:
                return {"node": None, "wait": False}
            what = message.pop("what")
            if what == "ask":
                return self._decide(_question(message), message["new"])
            if what == "left_alone":
                self.left_alone += 1
            elif what == "given_up":
                self.given_up += 1
            elif what == "submitted":
                question = _question(message)
                self.decider.submitted(message["task"], message["node"], question)
            else:
                getattr(self.decider, what)(**message)
            return None

    def _decide(self, question: Question, new: bool) -> dict[str, Any]:
        assert self.decider is not None
        if self.error is not None or not self.decider.feasible(question):
            return {"node": None, "wait": False}
        began = time.perf_counter()
        try:
            node = self.decider.place(question)
        except PolicyError as error:
            self.error = error
            print(f"rayproof: {error}; Ray's own policy decides from here on", file=sys.stderr)
            return {"node": None, "wait": False}
        if new:
            self.times.append(time.perf_counter() - began)
        return {
            "node": node,
            "wait": node is None,
            "version": self.decider.version,
            "hopeless": self.decider.hopeless(),
        }

    # ---- every process -----------------------------------------------------------------------------------------------

    def placed(self, name: str, args: Any, kwargs: Any, options: dict[str, Any], actor: bool) -> dict[str, Any]:
        """The options with which a task is submitted: with the node that the policy has chosen."""
        self._local.pending = None
        strategy = options.get("scheduling_strategy")
        if strategy not in (None, "DEFAULT") or any(options.get(word) not in (None, "default") for word in LEFT_ALONE):
            self._tell({"what": "left_alone"})
            return options
        every = [*(args or ()), *(kwargs or {}).values()]
        asked = {
            "name": name,
            "demand": dict(demand_of(options, actor).amounts()),
            "inputs": [arg.hex() for arg in every if hasattr(arg, "task_id")],
            "origin": self._node(),
            "labels": options.get("_labels"),
            "actor": actor,
        }
        node = self._answer(asked)
        if node is None:
            return options
        from rayproof_probe import internals

        self._local.pending = {**asked, "node": node}
        return {**options, "scheduling_strategy": internals.affinity(node, self._soft)}

    def _answer(self, asked: dict[str, Any]) -> str | None:
        """The node that the policy names; None when Ray is to decide."""
        by = self._recorder.by()
        until, quiet_since, version, new, told = time.monotonic() + self._wait_s, None, None, True, False
        try:
            while True:
                found = self._tell({"what": "ask", "new": new, **asked}, answer=True)
                assert found is not None
                if not found["wait"]:
                    node: str | None = found["node"]
                    return node
                if by is not None and not told:
                    told = True
                    self.blocked(by, True)
                now = time.monotonic()
                changed, version, new = found["version"] != version, found["version"], False
                quiet_since = now if changed or not found["hopeless"] else quiet_since
                if now > until or (quiet_since is not None and now - quiet_since > GRACE_S):
                    self._tell({"what": "given_up"})
                    return None
                self._pause(by)
        finally:
            if told:
                self.blocked(by, False)

    def _pause(self, by: str | None) -> None:
        if by is None:
            time.sleep(POLL_S)
            return
        import ray
        from rayproof_probe.acts import muted

        with muted():
            if self._gate is None:
                # A result that never comes: waiting for it gives back the CPUs of this body.
                gate = ray.remote(num_cpus=0, max_concurrency=1000)(rayproof_gate).options(
                    name="rayproof-gate", namespace="rayproof", get_if_exists=True
                )
                self._gate = gate.remote()
                self._never = self._gate.rayproof_never.remote()
            ray.wait([self._never], timeout=POLL_S)

    def submitted(self, task: str) -> None:
        """The task whose options `placed` has made is on its way."""
        pending = getattr(self._local, "pending", None)
        if pending is not None:
            self._local.pending = None
            self._tell({"what": "submitted", "task": task, **pending})

    def started(self, task: str) -> None:
        """A body of this process begins."""
        self._tell({"what": "started", "task": _of_actor(task), "node": self._node(), "now": time.time()})

    def ended(self, task: str) -> None:
        """It has ended."""
        self._tell({"what": "ended", "task": task, "now": time.time()})

    def died(self, task: str) -> None:
        """A task or an actor will never run again."""
        self._tell({"what": "died", "task": task})

    def blocked(self, task: str | None, blocked: bool) -> None:
        """A body of this process enters or leaves `get` or `wait`."""
        if task is not None:
            self._tell({"what": "blocked", "task": task, "blocked": blocked})

    def made(self, item: str, size: int) -> None:
        """This process has put an object."""
        self._tell({"what": "made", "item": item, "size": size, "node": self._node()})

    def result(self, task: str, index: int, size: int) -> None:
        """This process has stored a result of a body."""
        self.made(task + index.to_bytes(4, "little").hex(), size)

    def _tell(self, message: dict[str, Any], answer: bool = False) -> dict[str, Any] | None:
        if self.decider is not None:
            return self.handle(message)
        if self._deaf:
            return {"node": None, "wait": False} if answer else None
        try:
            with self._lock:
                if self._connection is None:
                    self._connection = _Connection()
                return self._connection.send(message, answer)
        except OSError:
            # Nobody decides in this session, or the driver has left it; a worker serves one session.
            self._connection, self._deaf = None, True
            return {"node": None, "wait": False} if answer else None

    def _node(self) -> str:
        import ray
        from rayproof_probe.acts import muted

        if not hasattr(self, "_own_node"):
            with muted():
                self._own_node = str(ray.get_runtime_context().get_node_id())
        return self._own_node


class rayproof_gate:
    """Keeps its callers waiting."""

    def __init__(self) -> None:
        pass

    async def rayproof_never(self) -> None:
        import asyncio

        await asyncio.Event().wait()


class _Connection:
    """To the driver, one line for each message."""

    def __init__(self) -> None:
        from rayproof_probe import internals

        told = internals.published(KEY)
        if not told:
            raise ConnectionError("no policy decides in this session")
        host, port, secret = told.decode().rsplit(":", 2)
        self._file = socket.create_connection((host, int(port)), timeout=30).makefile("rwb")
        self._file.write(secret.encode() + b"\n")

    def send(self, message: dict[str, Any], answer: bool) -> dict[str, Any] | None:
        self._file.write(json.dumps(message).encode() + b"\n")
        self._file.flush()
        if not answer:
            return None
        line = self._file.readline()
        if not line:
            raise ConnectionError
        found: dict[str, Any] = json.loads(line)
        return found


class _Handler(socketserver.StreamRequestHandler):
    """One process of the script."""

    def handle(self) -> None:
        live: LiveDecider = self.server.live  # type: ignore[attr-defined]
        running = set()
        try:
            if not secrets.compare_digest(self.rfile.readline().strip(), live.secret):
                return
            for line in self.rfile:
                message = json.loads(line)
                what, task = message["what"], message.get("task")
                if what == "started":
                    running.add(task)
                elif what == "ended":
                    running.discard(task)
                answer = live.handle(message)
                if answer is not None:
                    self.wfile.write(json.dumps(answer).encode() + b"\n")
        except OSError:
            pass
        for task in running:
            # Its process is gone, with the bodies and the actor in it.
            live.handle({"what": "died", "task": task})


def _amounts(resources: dict[str, float]) -> Resources:
    plain = {
        name: amount
        for name, amount in resources.items()
        if name not in ("memory", "object_store_memory") and not name.startswith(("node:", "accelerator_type:"))
    }
    return Resources.from_amounts(plain)


def _question(message: dict[str, Any]) -> Question:
    labels = message["labels"]
    hints = hints_in(labels) if labels else Hints()
    demand = Resources.from_amounts(message["demand"])
    return Question(message["name"], demand, tuple(message["inputs"]), message["origin"], hints, message["actor"])


def _of_actor(task: str) -> str:
    """The task that creates an actor is known by the actor's id."""
    return task[16:] if task.startswith("f" * 16) else task
