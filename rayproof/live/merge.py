"""From the files of many processes to one recording: ids made short, clocks made one, acts of each process in order.

Pure: needs no Ray. What the files of dead processes or a cluster that could not be asked any more do not tell is left
out and said (`meta.lost`). The format is `docs/recordings.md`, schema 2.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

from rayproof.live.clocks import Clock, Message, align
from rayproof.live.raw import Event, Process, Raw

SCHEMA = 2
DRIVER = "driver"
TASK_HEX = 48
"""Characters of a task's id, with which the ids of its results begin."""
FIRST_PUT = 100_000_001
"""Index from which the objects that a task has put are counted (Ray 2.60, `kMaxTaskReturns` + 1)."""
LONGEST_NAME = 200
ACTOR_PREFIX = "f" * 16
"""Begins the id of the task that creates an actor; the actor's id follows."""
UNPLACED = ("memory", "object_store_memory")
HEAD = "node:__internal_head__"
STATE_TYPES = {"task": "NORMAL_TASK", "method": "ACTOR_TASK", "actor": "ACTOR_CREATION_TASK"}
BLOCKS = {"get_begin": "get_end", "wait_begin": "wait_end"}
AT_END = {"awaited": "get", "item": "wait", "group_wait": "wait"}
"""Events that are written when they end, with the moment of their beginning in `since`."""


@dataclass(slots=True)
class _Ids:
    """Short names in the order of first mention."""

    prefix: str
    names: dict[str, str] = field(default_factory=dict)

    def __call__(self, long: str) -> str:
        return self.names.setdefault(long, f"{self.prefix}{len(self.names)}")


@dataclass(slots=True)
class _Act:
    """Something that a process did, on the common time line (ns)."""

    by: str
    begin: int
    end: int | None
    """The same as `begin` for what does not block; None for what never ended."""
    event: Event
    close: Event | None = None


def merge(raw: Raw, scenario: str, *, exit_code: int | None = None, lost: Iterable[str] = ()) -> list[dict[str, Any]]:
    """The lines of the recording, `meta` first, events in the order of time."""
    return _Merge(raw, scenario, exit_code, list(lost)).lines()


def write_recording(lines: Iterable[Mapping[str, Any]], path: str | Path) -> None:
    """Write the lines; absent and null are the same, so nulls are left out."""
    kept = ({key: value for key, value in line.items() if value is not None} for line in lines)
    text = "".join(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n" for line in kept)
    Path(path).write_text(text, encoding="utf-8")


class _Merge:
    def __init__(self, raw: Raw, scenario: str, exit_code: int | None, lost: list[str]) -> None:
        self.raw, self.scenario, self.exit_code, self.lost = raw, scenario, exit_code, lost
        self.jobs = {event["job"] for _, event in raw.of("connected") if event["role"] == "driver"}
        self.tasks, self.objects, self.actors = _Ids("T"), _Ids("O"), _Ids("A")
        self.groups, self.workers = _Ids("P"), _Ids("W")
        self.rows = [row for told in raw.collections for row in told["tasks"] if row["job"] in self.jobs]
        self.rows = [
            row for row in self.rows if row["type"] != "DRIVER_TASK" and not row["name"].startswith("rayproof")
        ]
        self.submits: dict[str, Event] = {}
        self.creations: dict[str, Event] = {}
        for _, event in raw.of("submit"):
            if event["kind"] == "actor":
                self.creations.setdefault(event["actor"], event)
            else:
                self.submits.setdefault(event["task"], event)
        self.bodies: dict[str, list[tuple[Process, Event, Event | None]]] = defaultdict(list)
        self.node_of: dict[str, str] = {}
        """Node of each worker, by the worker's id."""
        self.hosts_of_nodes: dict[str, str] = {}
        self._read_bodies()
        self.known = {row["task"] for row in self.rows} | set(self.submits) | set(self.bodies)
        self.clocks = align(self._messages(), raw.hosts, raw.hosts[0])
        self.walls = {host: raw.wall_minus_mono(host) for host in raw.hosts}
        self.nodes = self._nodes()
        self.group_refs = {event["obj"]: event["group"] for _, event in raw.of("group_ref")}
        self.origin = min(
            (self.at(process, event["m"]) for process, event in raw.of("init") if process.driver),
            default=self.at(raw.processes[0], raw.processes[0].events[0]["m"]),
        )

    # ---- time --------------------------------------------------------------------------------------------------------

    def at(self, process: Process, moment: int) -> int:
        """A moment of a process on the wall clock of the driver's host (ns)."""
        return self.on(process.host, moment + self.walls[process.host])

    def on(self, host: str | None, wall: int) -> int:
        """A wall clock's reading on the wall clock of the driver's host (ns)."""
        return wall - (self.clocks[host].offset_ns if host is not None and host in self.clocks else 0)

    def ms(self, moment: int) -> float:
        """Milliseconds since the driver connected."""
        return round((moment - self.origin) / 1e6, 3)

    def _messages(self) -> Iterator[Message]:
        """What happened on one host before something on another, by the wall clocks of both."""
        wall = {host: self.raw.wall_minus_mono(host) for host in self.raw.hosts}

        def reading(process: Process, moment: int) -> int:
            return moment + wall[process.host]

        for process, event in self.raw.of("ping"):
            if event["host"] in wall:
                there = wall[event["host"]]
                yield Message(process.host, reading(process, event["m"]), event["host"], event["received"] + there)
                yield Message(event["host"], event["replied"] + there, process.host, reading(process, event["back"]))
        if len(wall) < 2:
            return
        ended: dict[str, tuple[Process, Event]] = {}
        for task, runs in self.bodies.items():
            for process, _, end in runs:
                if end is not None and end.get("ok"):
                    ended.setdefault(task, (process, end))
        for process, event in self.raw.of("submit"):
            task = ACTOR_PREFIX + event["actor"] if event["kind"] == "actor" else event["task"]
            for other, start, _ in self.bodies.get(task, ()):
                yield Message(process.host, reading(process, event["m"]), other.host, reading(other, start["m"]))
        for act in self._acts_of_processes():
            process, begin, end = act
            objects = begin.get("objs", []) if begin["e"] == "get_begin" and (end or {}).get("ok") else []
            for task in {name[:TASK_HEX] for name in objects} & set(ended):
                other, done = ended[task]
                assert end is not None
                yield Message(other.host, reading(other, done["m"]), process.host, reading(process, end["m"]))

    # ---- processes ---------------------------------------------------------------------------------------------------

    def _read_bodies(self) -> None:
        for process in self.raw.processes:
            running: dict[str, int] = {}
            node = None
            for event in process.events:
                if event["e"] == "connected":
                    node = event["node"]
                    self.node_of[event["worker"]] = node
                    self.hosts_of_nodes[node] = process.host
                elif event["e"] == "start":
                    event["node"] = node
                    running[event["task"]] = len(self.bodies[event["task"]])
                    self.bodies[event["task"]].append((process, event, None))
                elif event["e"] == "end" and event["task"] in running:
                    place = running.pop(event["task"])
                    _, start, _ = self.bodies[event["task"]][place]
                    self.bodies[event["task"]][place] = (process, start, event)

    def _acts_of_processes(self) -> Iterator[tuple[Process, Event, Event | None]]:
        """Acts with what ended them; of threads that act at once each has its own ends."""
        for process in self.raw.processes:
            waiting: dict[tuple[Any, Any], Event] = {}
            for event in process.events:
                kind, key = event["e"], (event.get("by"), event.get("th"))
                if kind in BLOCKS:
                    waiting[key] = event
                elif kind in BLOCKS.values():
                    if key in waiting:
                        yield process, waiting.pop(key), event
                elif kind in ("submit", "put", "remove_group", "group", *AT_END):
                    yield process, event, event
            for event in waiting.values():
                yield process, event, None

    def _serial(self) -> list[_Act]:
        """Acts of each program process one after the other.

        Threads and coroutines of one process may wait at the same time; the model's processes do one thing after the
        other. What ends later is taken to begin no sooner than what ended before it: the process as a whole is blocked
        from then on only.
        """
        by_process: dict[tuple[str, str], list[_Act]] = defaultdict(list)
        for process, event, close in self._acts_of_processes():
            by = event.get("by")
            begin = self.at(process, event["since"] if "since" in event else event["m"])
            end = None if close is None else self.at(process, close["m"])
            if by is not None:
                runs = [run for run in self.bodies.get(by, ()) if run[0] is process and run[1]["m"] <= event["m"]]
                if not runs:
                    continue
                ended = runs[-1][2]
                # What a body has left behind (a thread, a callback) is no act of its own.
                if ended is not None and (close is None or close["m"] > ended["m"]):
                    continue
            key = (by or DRIVER, process.file if by is not None else "")
            by_process[key].append(_Act(by or DRIVER, begin, end, event, close))
        found = []
        for acts in by_process.values():
            acts.sort(key=lambda act: (act.end is None, act.end or act.begin))
            before = 0
            for act in acts:
                act.begin = max(act.begin, before)
                before = act.end or act.begin
            found += acts
        return found

    # ---- nodes -------------------------------------------------------------------------------------------------------

    def _nodes(self) -> dict[str, dict[str, Any]]:
        told: dict[str, dict[str, Any]] = {}
        for _, event in self.raw.of("init"):
            told.update({row["node"]: row for row in event.get("nodes", ())})
        for collected in self.raw.collections:
            told.update({row["node"]: {**told.get(row["node"], {}), **row} for row in collected["nodes"]})
        for node in [*self.hosts_of_nodes]:
            told.setdefault(node, {"node": node, "head": False, "alive": True, "resources": {}, "labels": {}})
        if told and not any(row["head"] for row in told.values()):
            told[next(iter(self.hosts_of_nodes))]["head"] = True
        order = sorted(told.values(), key=lambda row: (not row["head"], row.get("started_ms", 0), row["node"]))
        return {row["node"]: {**row, "id": f"N{i}"} for i, row in enumerate(order)}

    def node(self, long: str | None) -> str | None:
        """Short name of a node; None for one that nobody has heard of."""
        return self.nodes[long]["id"] if long in self.nodes else None

    # ---- lines -------------------------------------------------------------------------------------------------------

    def lines(self) -> list[dict[str, Any]]:
        """Everything."""
        self._name_in_order()
        events = self._events()
        tasks = self._task_lines()
        actors = self._actor_lines(tasks)
        groups = self._group_lines()
        nodes = [self._node_line(row) for row in self.nodes.values()]
        objects = self._object_lines()
        return [self._meta(events), *nodes, *tasks, *actors, *groups, *objects, *events]

    def _name_in_order(self) -> None:
        """Tasks and actors in the order of their submission, then those that only Ray knows."""
        order = [(self.at(process, event["m"]), event) for process, event in self.raw.of("submit")]
        for _, event in sorted(order, key=lambda entry: entry[0]):
            if event["kind"] == "actor":
                self.actors(event["actor"])
                self.tasks(ACTOR_PREFIX + event["actor"])
            else:
                self.tasks(event["task"])
                for name in event["rets"]:
                    self.objects(name)
        for row in sorted(self.rows, key=lambda row: min(row["reached"].values(), default=0)):
            self.tasks(row["task"])
        for task in self.bodies:
            self.tasks(task)

    def _meta(self, events: list[dict[str, Any]]) -> dict[str, Any]:
        hosts = [self._host(i, host, self.clocks[host]) for i, host in enumerate(self.raw.hosts)]
        lost = list(self.lost)
        if not self.raw.collections:
            lost.append(
                "Ray could not be asked at the end: no states of tasks, no workers, no ends of actors and nodes."
            )
        torn = sum(process.torn for process in self.raw.processes)
        if torn:
            lost.append(f"{torn} lines were cut short when their process died.")
        lost += [
            f"Files of the processes on {self.node(node)} could not be fetched: its bodies have no times."
            for told in self.raw.collections
            for node in told.get("lost", ())
        ]
        version = next((event["ray"] for _, event in self.raw.of("connected")), "")
        return {
            "k": "meta",
            "schema": SCHEMA,
            "scenario": self.scenario[:LONGEST_NAME],
            "ray": version,
            "t0_epoch": round(self.origin / 1e9, 6),
            "dur_ms": max([0.0, *(event["ms"] for event in events)]),
            "hosts": hosts,
            "exit": self.exit_code,
            "lost": lost,
        }

    @staticmethod
    def _host(index: int, host: str, clock: Clock) -> dict[str, Any]:
        error = None if clock.error_ns is None else round(clock.error_ns / 1e6, 3)
        found = {"id": f"H{index}", "offset_ms": round(clock.offset_ns / 1e6, 3), "error_ms": error}
        return {**found, "drifts": True} if clock.drifts else found

    def _node_line(self, row: dict[str, Any]) -> dict[str, Any]:
        amounts = row["resources"]
        custom = {
            name: amount
            for name, amount in amounts.items()
            if name not in ("CPU", "GPU", *UNPLACED)
            # Of what marks nodes, that of the head is asked for in programs: Serve binds its controller to it.
            and (name == HEAD or not name.startswith(("node:", "accelerator_type:")))
            and "_group_" not in name
        }
        host = self.hosts_of_nodes.get(row["node"])
        store = amounts.get("object_store_memory")
        return {
            "k": "node",
            "id": row["id"],
            "hex": row["node"],
            "head": row["head"],
            "cpu": amounts.get("CPU", 0),
            "gpu": amounts.get("GPU", 0),
            "resources": custom,
            "labels": {name: text for name, text in row["labels"].items() if not name.startswith("ray.io/node-")},
            "object_store_memory": None if store is None else int(store),
            "memory": int(amounts["memory"]) if "memory" in amounts else None,
            "alive_at_end": row["alive"],
            "host": None if host is None else f"H{self.raw.hosts.index(host)}",
            "store": row.get("store"),
        }

    def _task_lines(self) -> list[dict[str, Any]]:
        attempts: dict[str, dict[int, dict[str, Any] | None]] = {task: {} for task in self.tasks.names}
        for row in self.rows:
            attempts[row["task"]][row["attempt"]] = row
        for task, runs in self.bodies.items():
            for _, start, _ in runs:
                attempts[task].setdefault(start["att"], None)
        results = self._results()
        found = []
        for task in self.tasks.names:
            for attempt, row in sorted((attempts[task] or {0: None}).items()):
                found.append(self._task_line(task, attempt, row, results.get(task, [])))
        return found

    def _results(self) -> dict[str, list[str]]:
        """Results of each task: as returned at its submission, and items of generators as they were met."""
        found: dict[str, list[str]] = {task: [] for task in self.known}
        for task, event in self.submits.items():
            if not event.get("streaming"):
                found[task] += event["rets"]
        for process in self.raw.processes:
            for event in process.events:
                if event["e"] == "item":
                    found.setdefault(event["obj"][:TASK_HEX], []).append(event["obj"])
                elif (
                    event["e"] == "out" and event["index"] >= 2 and self.submits.get(event["task"], {}).get("streaming")
                ):
                    found.setdefault(event["task"], []).append(_result_id(event["task"], event["index"]))
        # The reference of a generator itself, and results that somebody else knew of.
        for name in list(self.objects.names):
            if name[:TASK_HEX] in self.known and _index(name) < FIRST_PUT and name not in self.group_refs:
                found[name[:TASK_HEX]].append(name)
        return {task: list(dict.fromkeys(names)) for task, names in found.items()}

    def _task_line(self, task: str, attempt: int, row: dict[str, Any] | None, results: list[str]) -> dict[str, Any]:
        submit = self.submits.get(task)
        actor = task[len(ACTOR_PREFIX) :] if task.startswith(ACTOR_PREFIX) else (submit or {}).get("actor")
        created = self.creations.get(actor or "") if task.startswith(ACTOR_PREFIX) else None
        if row is not None and row["type"] != "NORMAL_TASK":
            actor = row["actor"]
        told = submit or created
        run = next((run for run in self.bodies.get(task, ()) if run[1]["att"] == attempt), None)
        kind = row["type"] if row else STATE_TYPES["actor" if created or task.startswith(ACTOR_PREFIX) else "task"]
        if row is None and submit is not None:
            kind = STATE_TYPES[submit["kind"]]
        parent = row["parent"] if row else None
        if told is not None:
            parent = told["by"]
        known = parent in self.tasks.names
        options = {} if created is not None else self._options(submit)
        line: dict[str, Any] = {
            "k": "task",
            "id": self.tasks(task),
            "hex": task,
            "type": kind,
            "name": str((row or told or {}).get("name", ""))[:LONGEST_NAME],
            "attempt": attempt,
            "parent": self.tasks(parent) if known and parent is not None else DRIVER,
            "actor": self.actors(actor) if actor else None,
            "args": [self.objects(name) for name in told["args"]] if told else None,
            "nested": [self.objects(name) for name in told.get("nested", ())] if told else None,
            "rets": [self.objects(name) for name in results] if told else None,
            "bytes": told.get("bytes") if told else None,
            "streaming": (submit or {}).get("streaming"),
            "req": _required(row),
            "opts": options or None,
            "pg": self.groups(row["group"]) if row and row["group"] else None,
            "node": self.node(row["node"] if row and row["node"] else run[1]["node"] if run else None),
            "worker": self.workers(row["worker"]) if row and row["worker"] else None,
            "state": row["state"] if row else _state(run),
            "err": row["error"] if row else None,
            "tr": self._transitions(row),
        }
        return line

    def _transitions(self, row: dict[str, Any] | None) -> list[tuple[str, float]]:
        states = [] if row is None else [(state, self.ms(self._reached(row, state))) for state in row["reached"]]
        return sorted(states, key=itemgetter(1))

    def _reached(self, row: dict[str, Any], state: str) -> int:
        """A state's moment on the common line: the worker tells of RUNNING, the owner of everything else."""
        host = self.raw.hosts[0]
        if state == "RUNNING" or state.startswith("PENDING_ACTOR"):
            host = self.hosts_of_nodes.get(row["node"] or "", host)
        elif row["parent"] in self.bodies:
            host = self.bodies[row["parent"]][-1][0].host
        return self.on(host, row["reached"][state])

    def _options(self, event: Event | None) -> dict[str, Any]:
        options = dict((event or {}).get("opts") or {})
        strategy = options.get("strategy")
        if isinstance(strategy, dict) and "affinity" in strategy:
            node = self.node(strategy["affinity"])
            options["strategy"] = (
                {"other": "affinity to an unknown node"} if node is None else {**strategy, "affinity": node}
            )
        elif isinstance(strategy, dict) and "pg" in strategy:
            options["strategy"] = {**strategy, "pg": self.groups(strategy["pg"])}
        return options

    def _actor_lines(self, tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
        told = {row["actor"]: row for collected in self.raw.collections for row in collected["actors"]}
        created = {line["actor"] for line in tasks if line["type"] == "ACTOR_CREATION_TASK"}
        found = []
        for long, name in self.actors.names.items():
            row, event = told.get(long, {}), self.creations.get(long, {})
            if name not in created:
                # Somebody else's: made before this program began, or by another one.
                made = {"k": "task", "id": self.tasks(ACTOR_PREFIX + long), "hex": ACTOR_PREFIX + long, "actor": name}
                made |= {
                    "type": "ACTOR_CREATION_TASK",
                    "name": row.get("class", ""),
                    "state": "FINISHED",
                    "parent": DRIVER,
                }
                tasks.append({**made, "attempt": 0, "tr": []})
            options = self._options(event)
            if event.get("is_async"):
                options["async"] = True
            ended = row.get("ended_ms") if row.get("state") == "DEAD" else None
            found.append(
                {
                    "k": "actor",
                    "id": name,
                    "hex": long,
                    "cls": str(row.get("class") or event.get("name", ""))[:LONGEST_NAME],
                    "state": row.get("state", ""),
                    "node": self.node(row.get("node")),
                    "restarts": row.get("restarts", 0),
                    "opts": options or None,
                    "ended_ms": self.ms(ended * 1_000_000) if ended else None,
                    "reason": row.get("reason"),
                }
            )
        return found

    def _group_lines(self) -> list[dict[str, Any]]:
        told = {row["group"]: row for collected in self.raw.collections for row in collected["groups"]}
        made = {event["group"]: event for _, event in self.raw.of("group")}
        removed = {event["group"]: event for _, event in self.raw.of("remove_group")}
        found = []
        for long, name in self.groups.names.items():
            row, event = told.get(long), made.get(long, {})
            where = [bundle["node"] for bundle in row["bundles"]] if row else []
            where = removed.get(long, {}).get("nodes") or where
            asked = event.get("bundles") or [bundle["required"] for bundle in (row or {}).get("bundles", ())]
            where += [None] * (len(asked) - len(where))
            bundles = [{"i": i, "res": res, "node": self.node(where[i])} for i, res in enumerate(asked)]
            found.append(
                {
                    "k": "pg",
                    "id": name,
                    "hex": long,
                    "name": (row or {}).get("name") or None,
                    "strategy": event.get("strategy") or (row or {}).get("strategy") or "PACK",
                    "topology": event.get("topology"),
                    "selectors": event.get("selectors"),
                    "state": (row or {}).get("state"),
                    "bundles": bundles,
                }
            )
        return found

    def _object_lines(self) -> list[dict[str, Any]]:
        sizes: dict[str, int] = {}
        holds: dict[str, list[str]] = {}
        for process in self.raw.processes:
            for event in process.events:
                name = None
                if event["e"] == "put":
                    name = event["obj"]
                elif event["e"] == "out":
                    name = _result_id(event["task"], event["index"])
                if name is not None:
                    sizes[name] = event["size"]
                    holds[name] = event.get("nested", [])
        inside = {name: [self.objects(other) for other in holds.get(name, ())] for name in list(self.objects.names)}
        found = []
        for long, name in self.objects.names.items():
            maker = long[:TASK_HEX]
            by = self.tasks(maker) if maker in self.tasks.names and _index(long) < FIRST_PUT else None
            line = {
                "k": "object",
                "id": name,
                "hex": long,
                "by": by,
                "size": sizes.get(long),
                "holds": inside.get(long) or None,
            }
            found.append(line)
        return found

    # ---- events ------------------------------------------------------------------------------------------------------

    def _events(self) -> list[dict[str, Any]]:
        found: list[tuple[int, dict[str, Any]]] = []
        for act in self._serial():
            found += self._act_lines(act)
        for task, runs in self.bodies.items():
            for process, start, end in runs:
                line = {"e": "exec_start", "task": self.tasks(task), "node": self.node(start["node"])}
                found.append((self.at(process, start["m"]), {**line, "pid": process.pid, "att": start["att"]}))
                if end is not None:
                    line = {"e": "exec_end", "task": self.tasks(task), "ok": end["ok"], "err": end.get("err")}
                    found.append((self.at(process, end["m"]), line))
        found += self._drops()
        found += self._faults()
        found += self._group_events()
        found.sort(key=lambda entry: entry[0])
        return [{"k": "ev", "ms": self.ms(moment), **line} for moment, line in found]

    def _act_lines(self, act: _Act) -> Iterator[tuple[int, dict[str, Any]]]:
        event, kind = act.event, act.event["e"]
        by = {} if act.by == DRIVER else {"by": self.tasks(act.by)}
        if kind == "submit":
            line = {"e": "submit", "us": round(event["ns"] / 1e3), **by}
            if event["kind"] == "actor":
                yield act.begin, {**line, "actor": self.actors(event["actor"])}
            else:
                yield act.begin, {**line, "task": self.tasks(event["task"])}
        elif kind == "put":
            yield act.begin, {"e": "put", "obj": self.objects(event["obj"]), "size": event["size"], **by}
        elif kind == "group":
            yield act.begin, {"e": "pg_create", "pg": self.groups(event["group"]), **by}
        elif kind == "remove_group":
            yield act.begin, {"e": "pg_remove", "pg": self.groups(event["group"]), **by}
        else:
            yield from self._block_lines(act, by)

    def _block_lines(self, act: _Act, by: dict[str, str]) -> Iterator[tuple[int, dict[str, Any]]]:
        event, close = act.event, act.close or {}
        what = AT_END.get(event["e"]) or event["e"].removesuffix("_begin")
        names = event.get("objs") or [event["obj"]] if "obj" in event or "objs" in event else []
        groups = [self.groups(self.group_refs[name]) for name in names if name in self.group_refs]
        groups += [self.groups(event["group"])] if "group" in event else []
        objects = [self.objects(name) for name in names if name not in self.group_refs]
        if what == "wait" and not objects:
            what = "get"
        begin = {"e": f"{what}_begin", "objs": objects, "pgs": groups or None, **by}
        if what == "wait":
            begin["n"] = max(1, min(event.get("n", 1), len(objects)))
        yield act.begin, begin
        if act.end is None:
            return
        if what == "get":
            ok = close.get("ok", True)
            yield act.end, {"e": "get_end", "ok": ok, "err": None if ok else close.get("err"), **by}
        else:
            found = close["ready"] if event["e"] == "wait_begin" else names
            ready = [self.objects(name) for name in found if name not in self.group_refs]
            yield act.end, {"e": "wait_end", "ready": ready, **by}

    def _drops(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """The last time that a program process let go of an object or of an actor's handle."""
        last: dict[tuple[str, str, str], tuple[int, dict[str, Any]]] = {}
        for process in self.raw.processes:
            for event in process.events:
                by = event.get("by")
                if event["e"] not in ("drop", "drop_handle") or (by is not None and by not in self.tasks.names):
                    continue
                who = {} if by is None else {"by": self.tasks(by)}
                if event["e"] == "drop" and event["obj"] in self.objects.names and event["obj"] not in self.group_refs:
                    line = {"e": "drop", "obj": self.objects(event["obj"]), **who}
                elif event["e"] == "drop_handle" and event["actor"] in self.actors.names:
                    line = {"e": "drop_actor", "actor": self.actors(event["actor"]), **who}
                else:
                    continue
                last[by or DRIVER, event["e"], event.get("obj") or event["actor"]] = (
                    self.at(process, event["m"]),
                    line,
                )
        yield from last.values()

    def _faults(self) -> Iterator[tuple[int, dict[str, Any]]]:
        killed = set()
        for process, event in self.raw.of("fault"):
            line: dict[str, Any] = {"e": "fault", "what": event["what"]}
            if event.get("node"):
                killed.add(event["node"])
                line["node"] = self.node(event["node"])
            if event.get("actor") in self.actors.names:
                line["actor"] = self.actors(event["actor"])
            if event.get("task") in self.tasks.names:
                line["task"] = self.tasks(event["task"])
                actor = self._actor_of(event["task"])
                if event["what"] in ("worker_exit", "actor_exit") and actor is not None:
                    # The process that ends is the actor's.
                    line |= {"what": "actor_exit", "actor": self.actors(actor)}
            if event.get("by") in self.tasks.names:
                line["by"] = self.tasks(event["by"])
            for name in ("graceful", "restart", "force", "recursive", "code"):
                if event.get(name) is not None:
                    line[name] = event[name]
            moment = event["m"]
            if event["what"] == "actor_exit":
                # `exit_actor` raises: the body ends first, and then the process.
                ends = [end["m"] for of, _, end in self.bodies.get(event["task"], ()) if of is process and end]
                moment = max([moment, *ends])
            yield self.at(process, moment), line
        begun = min((self.at(process, event["m"]) for process, event in self.raw.of("submit")), default=self.origin)
        for row in self.nodes.values():
            joined, died = row.get("started_ms", 0) * 1_000_000, (row.get("ended_ms") or 0) * 1_000_000
            if joined > begun:
                yield joined, {"e": "fault", "what": "add_node", "node": row["id"]}
            if died > begun:
                if row["node"] not in killed:
                    # Nobody saw it being killed: it was dead at the latest when the cluster said so.
                    yield died, {"e": "fault", "what": "kill_node", "node": row["id"], "death": row.get("death")}
                yield died, {"e": "fault", "what": "node_dead_seen", "node": row["id"]}

    def _actor_of(self, task: str) -> str | None:
        """The actor that a task creates or is a method of."""
        if task.startswith(ACTOR_PREFIX):
            return task[len(ACTOR_PREFIX) :]
        return self.submits.get(task, {}).get("actor")

    def _group_events(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for collected in self.raw.collections:
            for row in collected["groups"]:
                if row["group"] in self.groups.names and row["ready"]:
                    yield row["ready"], {"e": "pg_ready", "pg": row["group"], "strategy": row["strategy"]}


def _result_id(task: str, index: int) -> str:
    """Id of a task's result, counted from 1."""
    return task + index.to_bytes(4, "little").hex()


def _index(name: str) -> int:
    return int.from_bytes(bytes.fromhex(name[TASK_HEX:]), "little")


def _required(row: dict[str, Any] | None) -> dict[str, float] | None:
    return None if row is None else row["required"]


def _state(run: tuple[Process, Event, Event | None] | None) -> str:
    """What a body alone tells of its task's state."""
    if run is None:
        return "PENDING_NODE_ASSIGNMENT"
    _, _, end = run
    return "RUNNING" if end is None else "FINISHED" if end["ok"] else "FAILED"
