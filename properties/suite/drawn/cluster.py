"""Clusters that run drawn programs: driver, workers, raylets, global scheduler, stores, control store in one scenario.

A body submits tasks, puts, gets, waits and computes, and so do the tasks it submits. It names only objects that it has
made, has been given as inputs, or expects from its own tasks: what a program in Ray can hold a reference to. So
whatever is drawn can end, and what does not end is a finding.

Left out, because the assembly of a cluster does not have them: reservation of placement groups, cancellation, dropped
references, leases. Actors whose node dies are constructed again, and their methods replayed as far as they are needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from rayproof.model.cluster.paper import ClusterParameters, assemble
from rayproof.model.gcs.paper.shards import Chains
from rayproof.model.graph import (
    Action,
    ClusterSpec,
    Compute,
    Default,
    Get,
    NodeAffinity,
    NodeSpec,
    ObjectSpec,
    Program,
    Put,
    Resources,
    Spread,
    Strategy,
    Submit,
    TaskKind,
    TaskSpec,
    Wait,
)
from rayproof.model.kernel import FaultKind, Scenario, StatementKind
from rayproof.model.scheduler.paper.lowering import lowered
from rayproof.model.scheduler.policy.built_in import BUILT_IN
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.swap import Swap
from rayproof.properties.cluster.paper.scopes import WHOLE
from rayproof.properties.cluster.paper.statements import CHAINED
from rayproof.properties.entry import Edition
from rayproof.properties.scheduler.paper.statements import REPLICAS
from rayproof.properties.suite.drawn.family import Family, Pick, Shape

TASKS = 6
"""Most tasks of a program, constructors and methods of actors included."""

DEPTH = 2
"""How deep tasks submit tasks."""

SIZES = (0, 1024, 8192)
"""Sizes of objects in bytes, over links of 1024 bytes a second."""

CHAINED_ONE_IN = 4
"""Clusters for one whose control store lies on chains: there each request of the store is many steps."""

_STRATEGIES = ("default", "default", "default", "spread", "soft", "head")
_FAULTS: tuple[dict[str, int], ...] = (
    {},
    {"crash": 1},
    {"crash": 1, "truncate": 1},
    {"crash": 2, "truncate": 1},
    {"crash": 2},
)


# ---- drawing -------------------------------------------------------------------------------------------------------


@dataclass
class _Drawing:
    """A program while it is drawn."""

    pick: Pick
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    objects: dict[str, int] = field(default_factory=dict)
    homes: int = 0

    def object(self, name: str) -> str:
        self.objects[name] = SIZES[self.pick(len(SIZES))]
        return name

    def body(
        self, owner: str, depth: int, given: Sequence[str], handles: Sequence[str], fewest: int, most: int
    ) -> list[str]:
        """The actions of a body. `given`: objects it may name; `handles`: actors it may call."""
        actions: list[str] = []
        held, mine, known = list(given), [], list(handles)
        for _ in range(fewest + self.pick(most)):
            match self.pick(8):
                case 1 | 2 | 3 | 4 if len(self.tasks) < TASKS:
                    name = self.submit(depth, held, known)
                    actions.append(f"submit {name}")
                    mine += self.tasks[name]["outputs"]
                    held += self.tasks[name]["outputs"]
                case 5:
                    made = self.object(f"{owner}.put{len(self.objects)}")
                    actions.append(f"put {made}")
                    held.append(made)
                case 6 if mine:
                    actions.append("get " + " ".join(self.some(mine)))
                case 7 if mine:
                    wanted = self.some(mine)
                    actions.append(f"wait {1 + self.pick(len(wanted))} " + " ".join(wanted))
                case _:
                    actions.append("compute")
        if mine and (owner == "driver" or self.pick(2)):
            actions.append("get " + " ".join(mine if not self.pick(3) else self.some(mine)))
        return actions

    def some(self, objects: Sequence[str]) -> list[str]:
        """One or two of them."""
        return list(dict.fromkeys(objects[self.pick(len(objects))] for _ in range(1 + self.pick(2))))

    def submit(self, depth: int, held: Sequence[str], known: list[str]) -> str:
        """One more task, its own tasks included."""
        name = f"t{len(self.tasks)}"
        task = self.tasks[name] = {"inputs": [], "outputs": []}
        if held:
            task["inputs"] = list(dict.fromkeys(held[self.pick(len(held))] for _ in range(self.pick(3))))
        what = self.pick(4)
        if what == 2:
            actor = f"a{self.homes}"
            self.homes += 1
            known.append(actor)
            task |= {"creates": actor, "cpu": 0}
            return name
        task["outputs"] = [self.object(f"{name}.{i}") for i in range(1 + self.pick(4) // 3)]
        if what == 3 and known:
            task["calls"] = known[self.pick(len(known))]
            return name
        task["cpu"] = (1, 1, 0, 2)[self.pick(4)]
        strategy = _STRATEGIES[self.pick(len(_STRATEGIES))]
        if strategy != "default":
            task["strategy"] = strategy
        if depth < DEPTH and self.pick(3) == 2:
            task["body"] = self.body(name, depth + 1, task["inputs"], known, 1, 3)
        return name


def draw_cluster(pick: Pick) -> Shape:
    """A cluster with its program, its policy and what may break."""
    faults = _FAULTS[pick(len(_FAULTS))]
    drawing = _Drawing(pick)
    cpus = [2, *(1 + pick(2) for _ in range(1 + pick(3)))]
    shape = {
        "cpus": cpus,
        "boots": pick(4) == 3,
        "threshold": pick(3),
        "gcs": ("immediate", "messages")[pick(2)],
        "shards": 1 + pick(2) if pick(CHAINED_ONE_IN) == CHAINED_ONE_IN - 1 else 0,
        "schedulers": 1 + pick(4) // 3,
        "policy": list(BUILT_IN)[pick(len(BUILT_IN))],
        "faults": faults,
        "driver": drawing.body("driver", 0, (), (), 3, 6),
    }
    return {**shape, "tasks": drawing.tasks, "objects": drawing.objects}


# ---- building ------------------------------------------------------------------------------------------------------


def _action(text: str) -> Action:
    word, *rest = text.split()
    match word:
        case "submit":
            return Submit(rest[0])
        case "put":
            return Put(rest[0])
        case "get":
            return Get(tuple(rest))
        case "wait":
            return Wait(tuple(rest[1:]), int(rest[0]))
        case "compute":
            return Compute(0)
        case _:
            raise ValueError(f"{text!r} is no action: submit, put, get, wait or compute")


def _strategy(word: str, name: str, nodes: int) -> Strategy:
    match word:
        case "default":
            return Default()
        case "spread":
            return Spread()
        case "soft":
            return NodeAffinity(f"n{len(name) % nodes}", soft=True)
        case "head":
            return NodeAffinity("n0")
        case _:
            raise ValueError(f"{word!r} is no strategy: default, spread, soft or head")


def _task(name: str, task: Shape, nodes: int) -> TaskSpec:
    made = TaskSpec(
        name,
        tuple(task["inputs"]),
        tuple(task["outputs"]),
        Resources.of(CPU=task.get("cpu", 0)),
        tuple(map(_action, task.get("body", ["compute"]))),
        _strategy(task.get("strategy", "default"), name, nodes),
    )
    if "creates" in task:
        return replace(made, kind=TaskKind.ACTOR_CREATION, actor=task["creates"])
    if "calls" in task:
        return replace(made, kind=TaskKind.ACTOR_METHOD, actor=task["calls"])
    return made


def build_cluster(shape: Shape, policy: Policy | None, swap: Swap) -> Scenario:
    """The scenario of a drawn cluster; `policy` stands in for the drawn one."""
    cpus = shape["cpus"]
    program = Program(
        {name: _task(name, task, len(cpus)) for name, task in shape["tasks"].items()},
        {name: ObjectSpec(name, size) for name, size in shape["objects"].items()},
        tuple(map(_action, shape["driver"])),
        "drawn",
    )
    nodes = ClusterSpec(
        tuple(NodeSpec(f"n{i}", Resources.of(CPU=cpu)) for i, cpu in enumerate(cpus)), bandwidth_bytes_per_s=1024
    )
    faults = {FaultKind(kind): int(budget) for kind, budget in shape["faults"].items()}
    crashes = faults.get(FaultKind.CRASH, 0)
    shards = shape.get("shards", 0)
    parameters = ClusterParameters(
        policy=policy or BUILT_IN[shape["policy"]],
        threshold=shape["threshold"],
        # A worker that waits keeps its process: with fewer, a cluster of waiting parents would starve their children.
        workers=max(1, len(program.tasks)),
        immediate_store=shape["gcs"] == "immediate",
        # One replica more than can crash: of each shard one lives.
        chains=Chains(shards, crashes + 1, crashes, FaultKind.TRUNCATE in faults) if shards else None,
        schedulers=shape.get("schedulers", 1),
        crashes=crashes,
        task_us=5_000_000,
        booting=((len(cpus) - 1, 1_000_000),) if shape["boots"] else (),
        early_timeouts=0 if policy is None else 1,
        repeats=1 if policy is None else 4,
    )
    owed = tuple(s for s in (*WHOLE, *REPLICAS, *CHAINED) if policy is None or s.kind is not StatementKind.SOMETIMES)
    made = assemble(WHOLE_CLUSTER.name, lowered(program), nodes, parameters, owed, swap=swap)
    return replace(
        made,
        faults={**made.faults, **faults},
        constants={
            **made.constants,
            "nodes": _nodes(shape),
            "program": _in_words(shape),
            "threshold": shape["threshold"],
            "schedulers": parameters.schedulers,
        },
    )


def _in_words(shape: Shape) -> str:
    """The program on one line, for people: of each task its inputs, what it asks for, makes and does."""
    sizes = shape["objects"]
    parts = ["driver: " + ", ".join(map(partial(_with_size, sizes=sizes), shape["driver"]))]
    for name, task in shape["tasks"].items():
        asks = [f"{task['cpu']} CPU"] if "cpu" in task else []
        asks += [_where(_strategy(task["strategy"], name, len(shape["cpus"])))] if "strategy" in task else []
        asks += [f"creates {task['creates']}"] if "creates" in task else []
        asks += [f"method of {task['calls']}"] if "calls" in task else []
        made = " ".join(f"{there}[{sizes[there]} B]" for there in task["outputs"])
        body = ", ".join(map(partial(_with_size, sizes=sizes), task.get("body", [])))
        parts.append(
            f"{name}({' '.join(task['inputs'])}) {', '.join(asks)}"
            + (f" -> {made}" if made else "")
            + (f": {body}" if body else "")
        )
    return "; ".join(parts)


def _where(strategy: Strategy) -> str:
    if isinstance(strategy, NodeAffinity):
        return f"{'rather' if strategy.soft else 'only'} on {strategy.node}"
    return type(strategy).__name__.lower()


def _with_size(action: str, sizes: Mapping[str, int]) -> str:
    """What is put has no task that could say how large it is."""
    word, _, made = action.partition(" ")
    return f"{action}[{sizes[made]} B]" if word == "put" else action


def _nodes(shape: Shape) -> str:
    """The nodes with what they have."""
    late = len(shape["cpus"]) - 1 if shape["boots"] else -1
    return " ".join(f"n{i}[{cpu} CPU{', boots late' if i == late else ''}]" for i, cpu in enumerate(shape["cpus"]))


WHOLE_CLUSTER = Family("whole-cluster", "cluster", Edition.PAPER, draw_cluster, build_cluster, takes_policy=True)
"""Drawn programs on drawn clusters."""
