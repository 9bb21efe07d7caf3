"""What a scenario runs, as a program for real Ray, and how its slots, steps and events are read: one class a family."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, TypeAlias

from rayproof.live.stage import Item
from rayproof.model.actors.ray2.calls import Actor, Caller
from rayproof.model.actors.ray2.events import CallEnded, CallSubmitted, Returned, Started
from rayproof.model.actors.ray2.protocol import OWN_ARGUMENT
from rayproof.model.graph import (
    Compute,
    Get,
    NodeAffinity,
    PlacementGroup,
    Program,
    Resources,
    Spread,
    Submit,
    TaskKind,
    TaskSpec,
)
from rayproof.model.graph.contract import Began, Ended, Failed, Got, GotError, PlaceDied
from rayproof.model.graph.program import DRIVER
from rayproof.model.kernel import Deliver, Fault, FaultKind, Fire, Message, Recover, Scenario, Step, World
from rayproof.model.lineage.ray2.attempts import AttemptNode, AttemptSubmitter
from rayproof.model.lineage.ray2.events import ActionBegan, BodyBegan, BodyEnded, ReadEnded
from rayproof.model.lineage.ray2.ownership import LineageOwner
from rayproof.model.lineage.ray2.programs import GetOne, PutAt
from rayproof.model.scheduler.ray2.bundle_manager import BundleManager
from rayproof.model.scheduler.ray2.bundles import GROUP, wildcard_of
from rayproof.model.scheduler.ray2.group_manager import GroupManager
from rayproof.model.scheduler.ray2.lease_manager import LeaseManager
from rayproof.model.scheduler.ray2.owned.driver import TaskManager as OwnedTasks
from rayproof.model.scheduler.ray2.owned.protocol import Cancel as CancelDeed
from rayproof.model.scheduler.ray2.owned.protocol import MakeActor
from rayproof.model.scheduler.ray2.owned.raylet import ClusterRaylet
from rayproof.model.wire.ray2.groups import BundlePrepared, BundleReturned, GroupReady
from rayproof.model.workers.ray2.body import COMPUTING, Body
from rayproof.model.workers.ray2.task_manager import TaskManager

LARGE, SMALL = 1 << 20, 10
"""Bytes of values that go to an object store, and of those that come with a reply."""

HEAD = "head"
"""The driver's node, where the model has none for it: it runs nothing."""

Deed: TypeAlias = Any
"""An action of a body or of the driver: the graph's, and those of `owned.protocol` and `programs`."""


@dataclass(frozen=True)
class Part:
    """A program for real Ray."""

    tasks: Mapping[str, TaskSpec]
    sizes: Mapping[str, int]
    driver: tuple[Deed, ...]
    nodes: Mapping[str, Resources]
    """The first is the driver's."""
    groups: Mapping[str, tuple[tuple[Resources, str], ...]] = field(default_factory=dict)
    """Bundles of each group, with the node that each is bound to, or nothing."""
    strategies: Mapping[str, str] = field(default_factory=dict)
    late: frozenset[str] = frozenset()
    """Nodes that are not there at the beginning."""
    stays: frozenset[str] = frozenset()
    """Tasks whose bodies go on until the script ends."""
    paced: bool = False
    """Whether the driver's actions come at moments that the timeline names, by their number."""


class NoProgram(ValueError):
    """A scenario that is no program that could run on Ray."""


class Family:
    """A kind of scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.processes = scenario.initial()
        self.part = self.read()

    @classmethod
    def fits(cls, scenario: Scenario) -> bool:
        """Whether a scenario is of this family."""
        raise NotImplementedError

    def read(self) -> Part:
        """The program. Raises `NoProgram`."""
        raise NotImplementedError

    def host(self, slot: str) -> str:
        """The process of the script, `driver`, `gcs` or a node, that a slot stands for."""
        raise NotImplementedError

    def of_event(self, event: Any) -> Iterator[tuple[Any, ...]]:
        """("begins", task, key, node), ("ends", task, key), ("gives", object, outcome), ("driver", number)."""
        return iter(())

    def of_step(self, step: Step, message: Message | None, world: World) -> Item | None:
        """What a step is in a timeline; ("cannot", why) for what no script can do, ("in flight", message) when all
        of its kind that were sent so far go through, and fail for their sender."""
        match step:
            case Fault(FaultKind.CRASH, unit):
                node = self.node_of_unit(unit)
                if node in list(self.part.nodes)[1:]:
                    return ("crash", node)
                if node == "gcs":
                    return ("cannot", "a GCS that keeps its state in memory does not come back")
                return ("cannot", f"{unit} is the driver's: the script would end with it")
            case Fault(FaultKind.CUT | FaultKind.SUSPECT | FaultKind.RESTART) | Recover():
                return ("cannot", f"{step}: no switch of Ray's does it to one process alone")
        return None

    def node_of_unit(self, unit: str) -> str:
        """The node that a crash unit is."""
        return self.host(self.scenario.unit_slots(unit)[0])

    def changed(self, step: Step, world: World) -> Iterator[tuple[Any, ...]]:
        """Events, as `of_event` has them, that only the state tells."""
        return iter(())

    def waiting(self, world: World) -> tuple[str, ...]:
        """Objects that the driver waits for in this state."""
        return ()

    def left(self, world: World) -> dict[str, float]:
        """Resources that are taken in this state by what is not an actor."""
        return {}

    def incomplete(self, world: World) -> dict[str, tuple[str, ...]]:
        """Groups that are not whole in this state, with Ray's names of the states that this may be."""
        return {}

    def alive(self, world: World, kind: type) -> Iterator[tuple[str, Any]]:
        """Living processes of a kind."""
        for seat in world.seats.values():
            if seat.alive and isinstance(seat.process, kind):
                yield seat.name, seat.process


def family_of(scenario: Scenario) -> Family:
    """Raises `NoProgram`."""
    for family in (Today, Owned, Lineage, Calls, Attempts):
        if family.fits(scenario):
            return family(scenario)
    kinds = sorted({type(process).__name__ for process in scenario.initial().values()})
    raise NoProgram(f"{scenario.name} runs no program of tasks, only {', '.join(kinds)}")


def variable(name: str) -> str:
    """A name of the model as one of Python."""
    found = re.sub(r"\W", "_", name)
    return f"_{found}" if found[:1].isdigit() else found


def _number(slot: str) -> str:
    """`raylet1` and `worker1.003` are of node 1."""
    return "".join(sign for sign in slot.split(".")[0].split("#")[0] if sign.isdigit())


# ---- whole clusters --------------------------------------------------------------------------------------------------


class Today(Family):
    """Clusters of today's Ray."""

    @classmethod
    def fits(cls, scenario: Scenario) -> bool:
        return isinstance(scenario.initial().get("driver"), Body)

    def read(self) -> Part:
        self.errors: dict[str, str] = {}
        self.bundles: dict[str, tuple[str, int]] = {}
        program: Program = self.processes["driver"].program  # type: ignore[attr-defined]
        raylets: dict[str, LeaseManager] = {
            name: process for name, process in self.processes.items() if isinstance(process, LeaseManager)
        }
        seats = next(iter(raylets.values())).seats
        nodes: dict[str, Resources] = {}
        bundles: dict[str, dict[int, tuple[Resources, str]]] = {}
        for name, seat in seats.items():
            nodes[self.host(name)], here = _without_bundles(seat.total)
            for group, bundle, amounts in here:
                bundles.setdefault(group, {})[bundle] = (amounts, self.host(name))
        groups = {group: tuple(each for _, each in sorted(found.items())) for group, found in bundles.items()}
        for placed in groups.values():
            for amounts, node in placed:
                nodes[node] = nodes[node] + amounts
        made = {each.id: tuple((bundle, "") for bundle in each.bundles) for each in program.groups.values()}
        strategies = {each.id: each.strategy.value for each in program.groups.values()}
        late = frozenset(self.host(each) for raylet in raylets.values() for each in raylet.late)
        names = {seat.id: self.host(name) for name, seat in seats.items()}
        tasks = {each.id: _placed(each, names) for each in program.tasks.values()}
        sizes = {made.id: max(made.size_bytes, SMALL) for made in program.objects.values()}
        paced = any(isinstance(action, Compute) for action in program.driver)
        return Part(tasks, sizes, program.driver, nodes, groups | made, strategies, paced=paced, late=late)

    def host(self, slot: str) -> str:
        if slot.startswith("driver"):
            return "driver"
        return f"n{_number(slot)}" if _number(slot) else "gcs"

    def of_event(self, event: Any) -> Iterator[tuple[Any, ...]]:
        match event:
            case Began(task, place):
                yield ("begins", task, place, self.host(place.split("/")[0]))
            case Ended(task, place):
                yield ("ends", task, place)
            case PlaceDied(place):
                yield ("place dies", place)
            case BundlePrepared(group, bundle, node):
                self.bundles[self.host(node)] = (group, bundle)
            case BundleReturned(group, bundle, node):
                self.bundles.pop(self.host(node), None)
            case Got("driver", made):
                yield ("gives", made, "value")
            case GotError("driver", made):
                yield ("gives", made, self.errors.get(made, "error"))
            case Failed(task, error):
                self.errors.update(dict.fromkeys(self.part.tasks[task].outputs, str(error)))

    def of_step(self, step: Step, message: Message | None, world: World) -> Item | None:
        match step:
            case Fault(FaultKind.CRASH, unit) if self.node_of_unit(unit) in self.bundles:
                # Which node has a bundle is not the same on real Ray.
                group, bundle = self.bundles.pop(self.node_of_unit(unit))
                return ("crash with", variable(group), bundle)
            case Fire(raylet, "drain"):
                return ("drain", self.host(raylet))
            case Fire(raylet, "memory"):
                return ("kill", self.host(raylet))
            case Fire(slot, "join"):
                return ("join", self.host(slot))
            case Fire("driver", timer) if timer == f"{COMPUTING}{DRIVER}":
                body: Any = world.seats["driver"].process
                return ("driver", body.frames[DRIVER].at + 1)
            case Deliver() if isinstance(message, GroupReady):
                return ("created", variable(message.group))
        return Family.of_step(self, step, message, world)

    def waiting(self, world: World) -> tuple[str, ...]:
        missing: set[str] = set()
        for name, body in self.alive(world, Body):
            for frame in body.frames.values() if name == "driver" else ():
                missing |= frame.missing
        for _, tasks in self.alive(world, TaskManager):
            missing |= {made for task in tasks.pending for made in self.part.tasks[task].outputs}
        return tuple(sorted(missing))

    def incomplete(self, world: World) -> dict[str, tuple[str, ...]]:
        return _incomplete(self, world)

    def left(self, world: World) -> dict[str, float]:
        taken = Resources()
        for _, raylet in self.alive(world, LeaseManager):
            for held in raylet.granted.values():
                if not held.spec.actor:
                    taken = taken + held.spec.demand
        removed = {group for _, each in self.alive(world, GroupManager) for group, state in each.state.items()
                   if state == "removed"}  # fmt: skip
        for _, node in self.alive(world, BundleManager):
            for group, bundle in node.prepared | node.committed:
                if group in removed:
                    taken = taken + node.groups[group].bundles[bundle]
        return {name: taken[name] for name in ("CPU", "GPU") if taken[name]}


class Lineage(Family):
    """One owner, and nodes that execute and keep."""

    node_prefix: ClassVar[str] = "node"

    @classmethod
    def fits(cls, scenario: Scenario) -> bool:
        return isinstance(scenario.initial().get("owner"), LineageOwner)

    def read(self) -> Part:
        owner: LineageOwner = self.processes["owner"]  # type: ignore[assignment]
        if "borrower" in self.processes:
            raise NoProgram("a second process reads what the driver owns while the driver may die: no script does that")
        puts = {action.object for action in owner.program if isinstance(action, PutAt)}
        if puts:
            raise NoProgram(f"{', '.join(sorted(puts))} is put on a node that may die, which is not the driver's")
        tasks, sizes = {}, {}
        for each in owner.tasks:
            strategy = NodeAffinity(each.only_on) if each.only_on else Spread()
            tasks[each.name] = TaskSpec(
                each.name, each.arguments, (each.result,), strategy=strategy, max_retries=each.max_retries, name="f"
            )
            sizes[each.result] = SMALL if each.small else LARGE
        nodes = {HEAD: Resources(), **{node: Resources.of(CPU=len(tasks)) for node in owner.nodes}}
        return Part(tasks, sizes, owner.program, nodes, paced=True)

    def host(self, slot: str) -> str:
        return slot if slot in self.processes and slot.startswith("node") else "driver"

    def of_event(self, event: Any) -> Iterator[tuple[Any, ...]]:
        match event:
            case BodyBegan(task, attempt, node):
                yield ("begins", task, attempt, self.host(node))
            case BodyEnded(task, attempt):
                yield ("ends", task, attempt)
            case ActionBegan("owner", number):
                yield ("driver", number)
            case ReadEnded("owner", _, made, outcome):
                yield ("gives", made, outcome)

    def of_step(self, step: Step, message: Message | None, world: World) -> Item | None:
        if isinstance(message, GroupReady):
            return ("created", variable(str(message.group)))
        if isinstance(step, Fire) and step.timer.startswith("disk"):
            return ("cannot", "when a store writes an object to its disk is not for a program to say")
        return Family.of_step(self, step, message, world)

    def waiting(self, world: World) -> tuple[str, ...]:
        found: set[str] = set()
        for _, owner in self.alive(world, LineageOwner):
            found |= {owner.reading, *owner.waiting} - {""}
        return tuple(sorted(found))


class Owned(Lineage):
    """Clusters of owners, leases, groups and actors."""

    @classmethod
    def fits(cls, scenario: Scenario) -> bool:
        return isinstance(scenario.initial().get("owner"), OwnedTasks)

    def read(self) -> Part:
        owner: OwnedTasks = self.processes["owner"]  # type: ignore[assignment]
        raylets = {name: each for name, each in self.processes.items() if isinstance(each, ClusterRaylet)}
        totals = next(iter(raylets.values())).totals
        manager: GroupManager = self.processes["manager"]  # type: ignore[assignment]
        tasks: dict[str, TaskSpec] = {}
        for deed in owner.program:
            if isinstance(deed, MakeActor):
                restarts = self.processes["actors"].max_restarts
                tasks[deed.actor] = TaskSpec(
                    deed.actor, kind=TaskKind.ACTOR_CREATION, actor=deed.actor, max_retries=restarts, name="A"
                )
        sizes = {}
        for each in owner.tasks:
            actor = owner.actor_of.get(each.name)
            group, index = self.bundle(owner, each.name)
            if actor is not None:
                caller: Any = self.processes[f"calls-{actor}"]
                spec = TaskSpec(each.name, each.arguments, (each.result,), Resources(), actor=actor)
                tasks[each.name] = replace(spec, kind=TaskKind.ACTOR_METHOD, max_retries=caller.max_task_retries)
            else:
                of = owner.class_of[each.name]
                strategy = PlacementGroup(group, index) if group else Spread() if of == "spread" else None
                spec = TaskSpec(each.name, each.arguments, (each.result,), max_retries=each.max_retries, name="f")
                tasks[each.name] = spec if strategy is None else replace(spec, strategy=strategy)
            sizes[each.result] = SMALL if each.small else LARGE
        groups = {str(each.id): tuple((bundle, "") for bundle in each.bundles) for each in manager.groups.values()}
        nodes = {f"n{_number(name)}": total for name, total in totals.items()}
        return Part(tasks, sizes, owner.program, nodes, groups, _strategies(manager), paced=True)

    def bundle(self, owner: OwnedTasks, task: str) -> tuple[str, int]:
        """Group and bundle of a task."""
        if task not in owner.group_of:
            return "", -1
        _, _, index = owner.class_of[task].partition(".")
        return str(owner.group_of[task]), int(index or -1)

    def host(self, slot: str) -> str:
        if slot in ("manager", "actors"):
            return "gcs"
        if slot.startswith("home-"):
            return f"n{slot.rpartition('.')[2]}"
        return f"n{_number(slot)}" if slot.startswith(("raylet", "bundles", "node", "worker")) else "driver"

    def of_event(self, event: Any) -> Iterator[tuple[Any, ...]]:
        match event:
            case Started(actor, _, call, _, attempt):
                yield ("begins", call, attempt, self.host(actor))
            case Returned(_, call, attempt):
                yield ("ends", call, attempt)
            case _:
                yield from Lineage.of_event(self, event)

    def left(self, world: World) -> dict[str, float]:
        held = 0.0
        for _, raylet in self.alive(world, ClusterRaylet):
            held += sum(taken["CPU"] for of, _, taken in raylet.granted.values() if of != "actor")
        return {"CPU": held} if held else {}

    def incomplete(self, world: World) -> dict[str, tuple[str, ...]]:
        return _incomplete(self, world)


def _incomplete(family: Family, world: World) -> dict[str, tuple[str, ...]]:
    """Of a manager of groups."""
    found: dict[str, tuple[str, ...]] = {}
    for _, manager in family.alive(world, GroupManager):
        for group, state in manager.state.items():
            if state in ("pending", "rescheduling"):
                found[str(group)] = ("PENDING", "PREPARED", "RESCHEDULING")
    return found


def _strategies(manager: GroupManager) -> dict[str, str]:
    return {each.id: each.strategy.value for each in manager.groups.values()}


# ---- actors ----------------------------------------------------------------------------------------------------------


class Calls(Family):
    """The island of calls of one actor: each caller is a task of its own, since Ray orders calls by their process."""

    @classmethod
    def fits(cls, scenario: Scenario) -> bool:
        return isinstance(scenario.initial().get("actor"), Actor)

    def read(self) -> Part:
        callers: dict[str, Caller] = {n: p for n, p in self.processes.items() if isinstance(p, Caller)}
        actor: Actor = self.processes["actor"]  # type: ignore[assignment]
        restarts = self.processes["registry"].max_restarts  # type: ignore[attr-defined]
        concurrency = actor.concurrency
        spec = TaskSpec("actor", demand=Resources.of(CPU=1), kind=TaskKind.ACTOR_CREATION, actor="actor", name="Actor")
        tasks = {"actor": replace(spec, max_retries=restarts, max_concurrency=concurrency)}
        sizes: dict[str, int] = {}
        driver: list[Deed] = [Submit("actor")]
        for name, caller in callers.items():
            body: list[Deed] = []
            for call in caller.calls:
                inputs = []
                for need in call.needs:
                    if need == OWN_ARGUMENT:
                        argument = f"argument-{call.name}"
                        tasks[argument] = TaskSpec(argument, (), (f"o-{argument}",), Resources(), name="argument")
                        sizes[f"o-{argument}"] = SMALL
                        body.append(Submit(argument))
                        inputs.append(f"o-{argument}")
                    else:
                        body.append(Until(f"o-{need}"))
                spec = TaskSpec(call.name, tuple(inputs), (f"o-{call.name}",), Resources(), actor="actor")
                retries = caller.max_task_retries
                tasks[call.name] = replace(
                    spec, kind=TaskKind.ACTOR_METHOD, max_retries=retries, max_concurrency=concurrency
                )
                sizes[f"o-{call.name}"] = SMALL
                body.append(Submit(call.name))
            body.append(Get(tuple(f"o-{call.name}" for call in caller.calls)))
            if len(callers) == 1:
                driver += body
            else:
                task = f"caller-{name}"
                tasks[task] = TaskSpec(task, (), (f"o-{task}",), Resources(), tuple(body), max_retries=0, name=task)
                sizes[f"o-{task}"] = SMALL
                driver.append(Submit(task))
        if len(callers) > 1:
            driver.append(Get(tuple(f"o-caller-{name}" for name in callers)))
        return Part(tasks, sizes, tuple(driver), {HEAD: Resources.of(CPU=0), "n1": Resources.of(CPU=1)})

    def host(self, slot: str) -> str:
        return "gcs" if slot == "registry" else "n1" if slot.startswith("actor") else "driver"

    def of_event(self, event: Any) -> Iterator[tuple[Any, ...]]:
        match event:
            case Started(_, _, call, _, attempt):
                yield ("begins", call, attempt, "n1")
            case Returned(_, call, attempt):
                yield ("ends", call, attempt)
            case CallEnded(call, outcome):
                yield ("gives", f"o-{call}", "value" if outcome.isdigit() else outcome)
            case CallSubmitted():
                pass

    def of_step(self, step: Step, message: Message | None, world: World) -> Item | None:
        match step:
            case Fault(FaultKind.CRASH, "actor"):
                return ("kill actor", "actor")
            case Recover("actor"):
                return None
            case Fire(_, timer) if timer.startswith("argument "):
                return ("ends", f"argument-{timer.removeprefix('argument ')}", 1)
            case Fire(_, "contact"):
                # The caller is told that the connection broke while the method runs.
                return ("in flight", "PushCall")
        return Family.of_step(self, step, message, world)

    def waiting(self, world: World) -> tuple[str, ...]:
        found: list[str] = []
        for _, caller in self.alive(world, Caller):
            found += [f"o-{call.name}" for call in caller.calls if call.name not in caller.outcomes]
        return tuple(found)


@dataclass(frozen=True)
class Until:
    """A body waits until another one has got an object."""

    object: str


class Attempts(Family):
    """The island of attempts, cancellation and kills for memory."""

    @classmethod
    def fits(cls, scenario: Scenario) -> bool:
        return isinstance(scenario.initial().get("owner"), AttemptSubmitter)

    def read(self) -> Part:
        owner: AttemptSubmitter = self.processes["owner"]  # type: ignore[assignment]
        node: AttemptNode = self.processes["node"]  # type: ignore[assignment]
        self.running: list[str] = []
        self.crashes = node.crashes
        tasks = {
            each.name: TaskSpec(each.name, (), (f"o-{each.name}",), max_retries=each.max_retries, name="f")
            for each in owner.shapes
        }
        cancels = (CancelDeed(owner.cancels),) if owner.cancels else ()
        driver = (*map(Submit, tasks), *cancels, *(GetOne(f"o-{task}") for task in tasks))
        nodes = {HEAD: Resources(), "n1": Resources.of(CPU=node.workers)}
        return Part(tasks, {f"o-{task}": SMALL for task in tasks}, driver, nodes, paced=True)

    def host(self, slot: str) -> str:
        return "driver" if slot == "owner" else "n1"

    def of_step(self, step: Step, message: Message | None, world: World) -> Item | None:
        if isinstance(step, Fire) and step.timer == "cancel":
            return ("driver", len(self.part.tasks))
        return Family.of_step(self, step, message, world)

    def changed(self, step: Step, world: World) -> Iterator[tuple[Any, ...]]:
        ((_, node),) = self.alive(world, AttemptNode)
        now = [task for task, _ in node.running]
        crashed, self.crashes = node.crashes < self.crashes, node.crashes
        for task in [task for task in self.running if task not in now]:
            if isinstance(step, Fire) and not crashed:
                yield ("ends", task, task)
            elif crashed or isinstance(step, Deliver):
                yield ("killed", task, "n1")
        for task in [task for task in now if task not in self.running]:
            yield ("begins", task, task, "n1")
        self.running = now


# ---- shared ----------------------------------------------------------------------------------------------------------


def _placed(task: TaskSpec, names: Mapping[str, str]) -> TaskSpec:
    """A task with the script's names of nodes and of groups."""
    strategy = task.strategy
    if isinstance(strategy, NodeAffinity):
        return replace(task, strategy=replace(strategy, node=names[strategy.node]))
    for name, _ in task.demand.units:
        place = name.partition(GROUP)[2]
        if place:
            index, _, group = place.rpartition("_")
            outside = {each.partition(GROUP)[0]: amount for each, amount in task.demand.units if not wildcard_of(each)}
            chosen = next((each for each, _ in task.demand.units if wildcard_of(each)), "")
            index = chosen.partition(GROUP)[2].rpartition("_")[0] if chosen else "-1"
            return replace(
                task, demand=Resources.from_units(outside), strategy=PlacementGroup(group or place, int(index))
            )
    return task


def _without_bundles(total: Resources) -> tuple[Resources, list[tuple[str, int, Resources]]]:
    """A node's own resources, and the bundles (group, index, amounts) that it offers."""
    own = Resources.from_units({name: amount for name, amount in total.units if GROUP not in name})
    found: dict[tuple[str, int], dict[str, int]] = {}
    for name, amount in total.units:
        if wildcard_of(name):
            resource, _, place = name.partition(GROUP)
            index, _, group = place.partition("_")
            # Ray marks each bundle with a resource of that name.
            if resource != "bundle":
                found.setdefault((group, int(index)), {})[resource] = amount
    return own, [(group, index, Resources.from_units(units)) for (group, index), units in sorted(found.items())]
