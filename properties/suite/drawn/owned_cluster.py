"""Whole clusters of today's Ray (edition `ray2`), drawn: one driver, its tasks on leases, groups, actors, crashes.

The driver submits tasks, plain, spread or in bundles, puts, gets, waits, drops, cancels, makes and gives up groups,
makes, calls and kills actors, in any order that a program can have. Nodes crash, or the driver does; replies
of calls are lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType

from rayproof.model.cluster.owned import (
    CPU,
    PLAIN,
    SPREAD,
    OwnedProgram,
    class_in,
    owned_cluster,
)
from rayproof.model.graph import BundleStrategy, GiveUpGroup, GroupSpec, MakeGroup, Submit, Wait
from rayproof.model.kernel import Scenario
from rayproof.model.lineage.ray2.programs import Drop, GetOne, PutAt, Task
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.scheduler.ray2.owned.protocol import (
    Cancel,
    Deed,
    EndActor,
    MakeActor,
)
from rayproof.model.swap import Swap
from rayproof.properties.cluster.owned.statements import OWNED_CLUSTER
from rayproof.properties.entry import Edition
from rayproof.properties.suite.drawn.family import Family, Pick, Shape

TASKS, GROUPS, ACTORS = 6, 2, 2
"""The most of each, calls among the tasks."""

STRATEGIES = tuple(BundleStrategy)

_FAULTS: tuple[dict[str, int], ...] = (
    {},
    {"crashes": 1},
    {"crashes": 2},
    {"crashes": 1, "driver": 1},
    {"crashes": 2, "driver": 1},
    {"replies": 1},
    {"crashes": 1, "replies": 1},
)


@dataclass
class _Drawing:
    """A program while it is drawn."""

    pick: Pick
    nodes: int
    tasks: dict[str, dict[str, object]] = field(default_factory=dict)
    groups: list[dict[str, object]] = field(default_factory=list)
    actors: int = 0
    held: list[str] = field(default_factory=list)
    """Objects that the driver refers to."""
    whole: list[int] = field(default_factory=list)
    """Groups that were not given up."""
    alive: list[int] = field(default_factory=list)
    """Actors that were not killed."""
    puts: int = 0

    def deed(self, first: bool) -> str:
        """The driver's next action."""
        match self.pick(17) if not first else 0:
            case 4:
                self.puts += 1
                self.held.append(f"p{self.puts}")
                return f"put p{self.puts} node{self.pick(self.nodes)}"
            case 5 if self.held:
                return f"get {self.some(self.held)}"
            case 6 if self.held:
                gone = self.some(self.held)
                self.held.remove(gone)
                return f"drop {gone}"
            case 7 if self.leased():
                return f"cancel {self.some(self.leased())}"
            case 8 if len(self.groups) < GROUPS:
                made = len(self.groups)
                self.groups.append({"bundles": 1 + self.pick(2), "strategy": self.pick(len(STRATEGIES))})
                self.whole.append(made)
                return f"group {made}"
            case 9 if self.whole:
                return f"ungroup {self.whole.pop(self.pick(len(self.whole)))}"
            case 10 | 16 if self.actors < ACTORS:
                self.actors += 1
                self.alive.append(self.actors)
                return f"actor {self.actors}"
            case 11 if self.alive:
                return f"kill {self.alive.pop(self.pick(len(self.alive)))}"
            case 12 if self.held:
                wanted = list(dict.fromkeys(self.some(self.held) for _ in range(1 + self.pick(3))))
                return f"wait {1 + self.pick(len(wanted))} {' '.join(wanted)}"
            case 13 | 14 | 15 if self.actors and len(self.tasks) < TASKS:
                return self.call()
            case _ if len(self.tasks) < TASKS:
                return self.submit()
            case _:
                return f"get {self.some(self.held)}" if self.held else "put p0 node0"

    def some(self, things: list[str]) -> str:
        """One of them."""
        return things[self.pick(len(things))]

    def leased(self) -> list[str]:
        """Tasks that are no calls."""
        return [name for name, task in self.tasks.items() if "actor" not in task]

    def arguments(self) -> list[str]:
        """Of a task or call."""
        return list(dict.fromkeys(self.some(self.held) for _ in range(self.pick(3)))) if self.held else []

    def call(self) -> str:
        """One more call, of any actor that was made; it may have been killed."""
        name = f"t{len(self.tasks)}"
        self.tasks[name] = {"arguments": self.arguments(), "max_retries": 0, "actor": f"{1 + self.pick(self.actors)}"}
        self.held.append(f"o{name}")
        return f"call {name}"

    def submit(self) -> str:
        """One more task."""
        name = f"t{len(self.tasks)}"
        task: dict[str, object] = {
            "arguments": self.arguments(),
            "max_retries": (1, 0, 2)[self.pick(3)],
            "class": PLAIN,
        }
        where = self.pick(4)
        if where == 1:
            task["class"] = SPREAD
        elif where > 1 and self.whole:
            group = self.whole[self.pick(len(self.whole))]
            bundles = self.groups[group]["bundles"]
            assert isinstance(bundles, int)
            task |= {"class": class_in(str(group), self.pick(bundles + 1) - 1), "group": group}
        self.tasks[name] = task
        self.held.append(f"o{name}")
        return f"submit {name}"


def draw_owned(pick: Pick) -> Shape:
    """Nodes, what may break, and a program."""
    cpus = [1 + pick(2) for _ in range(2 + pick(2))]
    faults = _FAULTS[pick(len(_FAULTS))]
    drawing = _Drawing(pick, len(cpus))
    deeds = [drawing.deed(at == 0) for at in range(3 + pick(10))]
    results = [f"o{name}" for name in drawing.tasks if f"o{name}" in drawing.held]
    return {
        "cpus": cpus,
        "faults": {**faults, "crashes": min(faults.get("crashes", 0), len(cpus) - 1)},
        "spills": [object_id for object_id in results if pick(4) == 3 and "actor" not in drawing.tasks[object_id[1:]]],
        "borrows": results[pick(len(results))] if results and pick(4) == 3 else "",
        "restarts": pick(2),
        "retries": pick(2),
        "driver": deeds,
        "tasks": drawing.tasks,
        "groups": drawing.groups,
    }


def _deed(text: str) -> Deed:
    word, *rest = text.split()
    match word:
        case "submit" | "call":
            return Submit(rest[0])
        case "put":
            return PutAt(rest[0], rest[1])
        case "get":
            return GetOne(rest[0])
        case "wait":
            return Wait(tuple(rest[1:]), int(rest[0]))
        case "drop":
            return Drop(rest[0])
        case "cancel":
            return Cancel(rest[0])
        case "group":
            return MakeGroup(rest[0])
        case "ungroup":
            return GiveUpGroup(rest[0])
        case "actor":
            return MakeActor(rest[0])
        case "kill":
            return EndActor(rest[0])
        case _:
            raise ValueError(
                f"{text!r} is no action: submit, call, put, get, wait, drop, cancel, group, ungroup, actor or kill"
            )


def build_owned(shape: Shape, policy: Policy | None, swap: Swap) -> Scenario:
    """The scenario of a drawn cluster; leases follow Ray's own policy."""
    tasks = shape["tasks"]
    program = OwnedProgram(
        tuple(
            Task(name, tuple(task["arguments"]), f"o{name}", task["max_retries"], small="actor" in task)
            for name, task in tasks.items()
        ),
        tuple(map(_deed, shape["driver"])),
        MappingProxyType({name: task["class"] for name, task in tasks.items() if "actor" not in task}),
        tuple(
            GroupSpec(str(number), (CPU,) * group["bundles"], STRATEGIES[group["strategy"]])
            for number, group in enumerate(shape["groups"])
        ),
        MappingProxyType({name: str(task["group"]) for name, task in tasks.items() if "group" in task}),
        frozenset(shape["spills"]),
        shape["borrows"],
        shape["restarts"],
        MappingProxyType({name: task["actor"] for name, task in tasks.items() if "actor" in task}),
        shape["retries"],
    )
    faults = shape["faults"]
    made = owned_cluster(
        OWNED_PROGRAMS.name,
        program,
        tuple(shape["cpus"]),
        OWNED_CLUSTER,
        crashes=faults["crashes"],
        driver_crashes=bool(faults.get("driver", 0)),
        lost_replies=faults.get("replies", 0),
        swap=swap,
    )
    needs = "; ".join(f"{name}({' '.join(task['arguments'])}) {_of(task)}" for name, task in tasks.items())
    return replace(made, constants={**made.constants, "program": f"driver: {', '.join(shape['driver'])}; {needs}"})


def _of(task: Shape) -> str:
    return f"call of actor {task['actor']}" if "actor" in task else str(task["class"])


OWNED_PROGRAMS = Family("ray2-cluster", "cluster", Edition.RAY2, draw_owned, build_owned)
"""Drawn programs on drawn clusters of today's Ray."""
