"""The stage on which generated scripts play a run of the model on real Ray; imported by a script and by its workers.

A script names nodes, a timeline and claims, and has a driver whose bodies enter `body`. The stage starts the nodes,
each in an environment of its own, holds every body at its end until the timeline says that it ends, strikes the faults
of the timeline, and says at last which claims were seen. Only Ray's own testing switches are used beside plain Ray.

Everything is told through files of one folder: one machine is enough for all nodes.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

FOLDER, NODE = "RAYPROOF_STAGE", "RAYPROOF_STAGE_NODE"
REPORT = "RAYPROOF_STAGE_REPORT"
"""Variable with the file to which the outcome is written as JSON."""

DRIVER, GCS = "driver", "gcs"
SEEN, NOT_SEEN = 0, 3

Item: TypeAlias = tuple[Any, ...]
"""Of a timeline: ("begins", task, n), ("ends", task, n), ("driver", n), ("crash", node), ("crash with", group, bundle),
("drain", node), ("join", node), ("kill", node), ("kill actor", actor), ("created", group). Of claims: see `_holds`."""

_POLL_S = 0.02
LINGER_S = 5
STORE_BYTES = 100 << 20
INJECTED = "RAY_testing_"
SLOW_START = {"RAY_raylet_start_wait_time_s": "120"}
"""A busy machine needs longer than Ray waits by default."""


def prepare(steering: Mapping[str, Mapping[str, str]]) -> None:
    """The driver's own share of the steering, before Ray is imported."""
    os.environ.update({**SLOW_START, **steering.get(DRIVER, {})})


# ---- in bodies -------------------------------------------------------------------------------------------------------


@contextmanager
def body(task: str) -> Iterator[Callable[[int], bytes]]:
    """Around what a task does: tells that it begins, and holds it at its end. Gives what makes a value of some bytes,
    which begins with the number of the attempt."""
    folder = Path(os.environ[FOLDER])
    attempt = 1
    while not _claimed(folder / f"begun-{task}-{attempt}"):
        attempt += 1
    _tell(folder, "begins", task, attempt)
    try:
        yield lambda size: f"{attempt} ".encode().ljust(size, b".")
        while (folder / f"hold-{task}-{attempt}").exists():
            time.sleep(_POLL_S)
    except BaseException:  # It is cancelled.
        _tell(folder, "stops", task, attempt)
        raise
    _tell(folder, "ends", task, attempt)


def _claimed(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def _tell(folder: Path, what: str, task: str, attempt: int) -> None:
    line = json.dumps([time.time(), what, task, attempt, os.environ.get(NODE, ""), os.getpid()]) + "\n"
    handle = os.open(folder / "told", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.write(handle, line.encode())
    os.close(handle)


def get(**references: Any) -> None:
    """A body's get: each object for itself; what became of it is told."""
    import ray

    for name, reference in references.items():
        try:
            outcome = _value(ray.get(reference))
        except Exception as error:
            outcome = type(getattr(error, "cause", None) or error).__name__
        _tell(Path(os.environ[FOLDER]), "gives", f"{name} {outcome}", 0)


def until_known(name: str) -> None:
    """Wait until some body has got an object, a value or an error."""
    while not any(f'"gives", "{name} ' in line for line in _lines(Path(os.environ[FOLDER]))):
        time.sleep(_POLL_S)


def stay() -> None:
    """Go on until the script ends."""
    while (Path(os.environ[FOLDER]) / "nodes").exists():
        time.sleep(_POLL_S)


def on(node: str, *, soft: bool = False) -> Any:
    """The affinity to a node."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ids = json.loads((Path(os.environ[FOLDER]) / "nodes").read_text())
    return NodeAffinitySchedulingStrategy(ids[node], soft=soft)


def _value(value: Any) -> str:
    return f"value {value.split(b' ', 1)[0].decode()}" if isinstance(value, bytes) else "value"


def _lines(folder: Path) -> list[str]:
    path = folder / "told"
    return path.read_text().splitlines() if path.exists() else []


def _internals() -> Any:
    """Ray's private names, for the driver."""
    from rayproof.live.session import probe

    return probe("internals")


# ---- in the driver ---------------------------------------------------------------------------------------------------


class Play:
    """One run: what the driver of a script uses."""

    def __init__(self, folder: Path, timeline: Sequence[Item], patience_s: float) -> None:
        self.folder, self.timeline, self.patience_s = folder, timeline, patience_s
        self.outcomes: dict[str, str] = {}
        """Of the driver's gets: `value N` of attempt N, the name of an error, or `waits`."""
        self.states: dict[str, str] = {}
        """Of placement groups at the end."""
        self.left: dict[str, float] = {}
        """Resources that were not given back at the end."""
        self.missed: list[str] = []
        """Items of the timeline that did not happen in time."""
        self.ids: dict[str, str] = {}
        self.nodes: dict[str, Any] = {}
        self.groups: dict[str, Any] = {}
        self.start: Callable[[str], None] = lambda node: None
        """Starts a node that joins later."""
        self._cluster: Any = None
        self._reached: set[int] = set()
        self._begun, self._over = threading.Event(), threading.Event()

    def group(self, name: str, bundles: list[dict[str, float]], strategy: str = "PACK", *, wait: bool = True) -> Any:
        """A placement group; `wait`: until it is there."""
        import ray
        from ray.util.placement_group import placement_group

        made = self.groups[name] = placement_group(bundles, strategy=strategy, name=name)
        if wait:
            ray.get(made.ready(), timeout=self.patience_s)
        return made

    def await_group(self, name: str) -> None:
        """Wait until a group is there."""
        import ray

        ray.get(self.groups[name].ready())

    def inside(self, name: str, bundle: int = -1) -> Any:
        """The strategy of a task in a bundle of a group."""
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        return PlacementGroupSchedulingStrategy(self.groups[name], placement_group_bundle_index=bundle)

    def remove(self, name: str) -> None:
        """Remove a group."""
        from ray.util.placement_group import remove_placement_group

        remove_placement_group(self.groups[name])

    def at(self, number: int) -> None:
        """Go on when the timeline has come to this action of the driver."""
        while number not in self._reached and not self._over.is_set():
            time.sleep(_POLL_S)

    def get(self, **references: Any) -> None:
        """Get objects, each for itself, and note what became of them. One that is not there when the timeline has been
        over for some time waits."""
        import ray

        self._begun.set()
        waiting = dict(references)
        until: float | None = None
        while (waiting or not references) and (until is None or time.monotonic() < until):
            ready, _ = ray.wait(list(waiting.values()), num_returns=len(waiting), timeout=0.2, fetch_local=False)
            for name in [name for name, reference in waiting.items() if reference in ready]:
                try:
                    self.outcomes[name] = _value(ray.get(waiting[name], timeout=self.patience_s))
                except Exception as error:
                    self.outcomes[name] = type(getattr(error, "cause", None) or error).__name__
                del waiting[name]
            if until is None and self._over.is_set():
                until = time.monotonic() + self.patience_s
        self.outcomes.update(dict.fromkeys(waiting, "waits"))
        self.outcomes.update((name, "waits") for name, outcome in self.outcomes.items() if outcome == "GetTimeoutError")

    def told(self) -> list[Any]:
        """What bodies have told: time, `begins`, `ends` or `gives`, task, attempt, node, process."""
        return [tuple(json.loads(line)) for line in _lines(self.folder)]

    # ---- the timeline ------------------------------------------------------------------------------------------------

    def _hold(self) -> None:
        for kind, *rest in self.timeline:
            if kind == "begins":
                (self.folder / f"hold-{rest[0]}-{rest[1]}").touch()

    def _play(self) -> None:
        """A timeline without moments of the driver begins when that has come to its first get."""
        if not any(item[0] == "driver" for item in self.timeline):
            self._begun.wait(self.patience_s)
            time.sleep(0.3)
        for item in self.timeline:
            try:
                if not self._happens(item):
                    self.missed.append(" ".join(map(str, item)))
            except Exception as error:
                self.missed.append(f"{' '.join(map(str, item))}: {type(error).__name__}: {error}")
        held = list(self.folder.glob("hold-*"))
        if held:
            # Bodies that do not end in the timeline are under way when its last item has its effect.
            time.sleep(LINGER_S)
        for path in held:
            path.unlink()
        self._over.set()

    def _happens(self, item: Item) -> bool:
        kind, what = item[0], item[1]
        match kind:
            case "begins":
                return self._until(lambda: any(told[1:4] == ("begins", what, item[2]) for told in self.told()))
            case "ends":
                (self.folder / f"hold-{what}-{item[2]}").unlink(missing_ok=True)
                return self._until(lambda: any(told[1:4] == ("ends", what, item[2]) for told in self.told()))
            case "driver":
                self._reached.add(what)
                time.sleep(0.1)
            case "crash":
                self._crash(what)
            case "crash with":
                if not self._until(lambda: bool(self._node_of_bundle(what, item[2]))):
                    return False
                self._crash(self._node_of_bundle(what, item[2]))
            case "drain":
                self._drain(what)
            case "join":
                self.start(what)
            case "kill":
                return self._kill_newest(what)
            case "kill actor":
                return self._kill_actor(what)
            case "created":
                from ray.util.placement_group import placement_group_table

                group = self.groups
                return self._until(lambda: what in group and placement_group_table(group[what])["state"] == "CREATED")
            case _:
                raise ValueError(f"{kind!r} is no item of a timeline")
        return True

    def _until(self, holds: Callable[[], bool]) -> bool:
        until = time.monotonic() + self.patience_s
        while time.monotonic() < until:
            if holds():
                return True
            time.sleep(_POLL_S)
        return False

    def _node_of_bundle(self, group: str, bundle: int) -> str:
        """The living node of a bundle, or nothing yet; when that is the driver's, of another one of its group."""
        from ray.util.placement_group import placement_group_table

        where = placement_group_table(self.groups[group])["bundles_to_node_id"]
        driver = self.ids[next(iter(self.nodes))]
        names = {number: name for name, number in self.ids.items() if name in self.nodes and number != driver}
        others = where.values() if where[bundle] == driver else ()
        return next((names[number] for number in (where[bundle], *others) if number in names), "")

    def _crash(self, node: str) -> None:
        self._cluster.remove_node(self.nodes.pop(node), allow_graceful=False)

    def _drain(self, node: str) -> None:
        _internals().drain(self._cluster.address, self.ids[node], int(time.time() * 1000) + 3_600_000)

    def _kill_newest(self, node: str) -> bool:
        told = self.told()
        ended = {each[2:4] for each in told if each[1] == "ends"}
        running = [each for each in told if each[1] == "begins" and each[4] == node and each[2:4] not in ended]
        if running:
            os.kill(running[-1][5], signal.SIGKILL)
        return bool(running)

    def _kill_actor(self, name: str) -> bool:
        def born() -> list[Any]:
            return [each for each in self.told() if each[1:3] == ("ends", name)]

        if not self._until(lambda: bool(born())):
            return False
        time.sleep(1)  # Its callers have heard where it is, and their calls are on their way.
        os.kill(born()[-1][5], signal.SIGKILL)
        return True

    # ---- the end -----------------------------------------------------------------------------------------------------

    def _look_back(self) -> None:
        """Note what is left when all that could end has ended."""
        import ray
        from ray.util.placement_group import placement_group_table

        for name, group in self.groups.items():
            self.states[name] = placement_group_table(group)["state"]
        until = time.monotonic() + 5
        while True:
            alive = {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}
            free = _internals().free_resources()
            self.left = {}
            for id_, total in alive.items():
                for name in ("CPU", "GPU"):
                    gone = total.get(name, 0) - free.get(id_, {}).get(name, 0)
                    if gone > 0:
                        self.left[name] = self.left.get(name, 0) + gone
            if not self.left or time.monotonic() > until:
                return
            time.sleep(0.2)

    def _holds(self, claim: Item) -> bool:
        """Whether a claim was seen."""
        told = self.told()
        begun = [each[2] for each in told if each[1] == "begins"]
        match claim:
            case ("waits", *names):
                return all(self.outcomes.get(name) == "waits" for name in names)
            case ("raises", name, *errors):
                return self.outcomes.get(name) in errors
            case ("fails", name):
                return not self.outcomes.get(name, "waits").startswith(("waits", "value"))
            case ("gives", name, number):
                return self.outcomes.get(name) == f"value {number}"
            case ("runs", task, times):
                return bool(begun.count(task) >= times)
            case ("never runs", task):
                return task not in begun
            case ("out of order", *tasks):
                order = [tasks.index(each[2]) for each in sorted(told) if each[1] == "begins" and each[2] in tasks]
                return order != sorted(order)
            case ("early", task, maker):
                ends = [each[0] for each in told if each[1:3] == ("ends", maker)]
                begins = [each[0] for each in told if each[1:3] == ("begins", task)]
                return bool(begins) and (not ends or min(begins) < min(ends))
            case ("wrong value", name):
                made = [f"value {each[3]}" for each in told if each[1] == "begins"]
                return self.outcomes.get(name, "").startswith("value") and self.outcomes[name] not in made
            case ("at once", one, other):
                pairs = [(a, b) for a in _spans(told, one) for b in _spans(told, other) if a != b]
                return any(a[0] < b[1] and b[0] < a[1] for a, b in pairs)
            case ("on", task, *places):
                return any(each[1:3] == ("begins", task) and each[4] in places for each in told)
            case ("together", node, *tasks):
                spans = [_spans([each for each in told if each[4] == node], task) for task in tasks]
                begins = [begin for each in spans for begin, _ in each]
                return any(all(any(b <= at < e for b, e in each) for each in spans) for at in begins)
            case ("is left", name, amount):
                return bool(self.left.get(name, 0) >= amount)
            case ("group", name, *states):
                return self.states.get(name) in states
            case _:
                raise ValueError(f"{claim!r} is no claim")


def _spans(told: Sequence[tuple[float, str, str, int, str, int]], task: str) -> list[tuple[float, float]]:
    """From when to when the bodies of a task ran; one whose process was killed ran for no time that is known."""
    begins = {each[3]: (each[0], each[5]) for each in told if each[1:3] == ("begins", task)}
    ends = {each[3]: each[0] for each in told if each[1] in ("ends", "stops") and each[2] == task}
    return [
        (begin, ends.get(number, float("inf") if Path(f"/proc/{process}").exists() else begin))
        for number, (begin, process) in begins.items()
    ]


def run(
    driver: Callable[[Play], None],
    nodes: Mapping[str, Mapping[str, Any]],
    timeline: Sequence[Item],
    claims: Sequence[Item],
    steering: Mapping[str, Mapping[str, str]],
    patience_s: float = 20,
    late: Sequence[str] = (),
) -> None:
    """Play once, print what happened, and leave the process: 0 when all claims were seen, 3 when one was not."""
    import ray
    from ray.cluster_utils import Cluster

    with tempfile.TemporaryDirectory(prefix="stage-") as name:
        play = Play(Path(name), timeline, patience_s)
        os.environ[FOLDER] = name
        for variable in steering.get(DRIVER, {}):
            os.environ.pop(variable, None)  # Nodes are started with this process's environment.
        play._cluster = cluster = Cluster()

        def start(node: str) -> None:
            shared = {**steering.get(GCS, {})} if not play.nodes else {}
            os.environ.update(shared)
            # What is injected into the GCS alone is blanked for its raylet.
            blank = dict.fromkeys((name for name in shared if name.startswith(INJECTED)), "")
            own = {NODE: node, **blank, **steering.get(node, {})}
            play.nodes[node] = cluster.add_node(
                env_vars=own, object_store_memory=STORE_BYTES, **({} if play.nodes else {"include_dashboard": False}),
                **nodes[node],
            )  # fmt: skip
            play.ids[node] = play.nodes[node].node_id
            for variable in shared:
                del os.environ[variable]
            (play.folder / "nodes").write_text(json.dumps(play.ids))

        for node in nodes:
            if node not in late:
                start(node)
        play.start = start
        os.environ.update(steering.get(DRIVER, {}))
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        play._hold()
        thread = threading.Thread(target=play._play, daemon=True)
        thread.start()
        error = ""
        try:
            driver(play)
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}".splitlines()[0]
        thread.join(patience_s * (len(timeline) + 1))
        play._look_back()
        for each in play.told():
            if each[1] == "gives":
                name, _, outcome = each[2].partition(" ")
                play.outcomes[name] = outcome
        seen = [claim for claim in claims if play._holds(claim)]
        report = {
            "seen": len(seen) == len(claims) > 0,
            "claims": [[*claim, claim in seen] for claim in claims],
            "outcomes": play.outcomes,
            "groups": play.states,
            "left": play.left,
            "missed": play.missed,
            "driver": error,
            "told": [list(each[1:5]) for each in sorted(play.told()) if each[1] != "gives"],
        }
        _print(report)
        if path := os.environ.get(REPORT):
            Path(path).write_text(json.dumps(report))
        with suppress(Exception):
            ray.shutdown()
        with suppress(Exception):
            cluster.shutdown()
    sys.stdout.flush()
    os._exit(SEEN if report["seen"] else NOT_SEEN)


def _print(report: Mapping[str, Any]) -> None:
    for what, task, attempt, node in report["told"]:
        print(f"  {task} {what} on {node}" + (f", attempt {attempt}" if attempt > 1 else ""))
    for name, outcome in report["outcomes"].items():
        print(f"  get of {name}: {outcome}")
    for name, state in report["groups"].items():
        print(f"  group {name}: {state}")
    for name, amount in report["left"].items():
        print(f"  not given back: {amount:g} {name}")
    if report["driver"]:
        print(f"  the driver ended in {report['driver']}")
    for item in report["missed"]:
        print(f"  did not happen: {item}")
    for *claim, held in report["claims"]:
        print(f"{'seen' if held else 'not seen'}: {' '.join(map(str, claim))}")
