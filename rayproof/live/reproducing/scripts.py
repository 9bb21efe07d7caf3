"""The text of a script: the program of a trace, its timeline, and Ray's switches for what happens to messages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rayproof.live.reproducing.families import Part, Until, variable
from rayproof.live.reproducing.happenings import Happened
from rayproof.live.reproducing.messages import DELAYS, FAILURES, delays, failures
from rayproof.live.stage import GCS, Item
from rayproof.model.graph import (
    AwaitGroup,
    Cancel,
    Compute,
    Get,
    GiveUpGroup,
    MakeGroup,
    NodeAffinity,
    PlacementGroup,
    Put,
    Resources,
    Spread,
    Submit,
    TaskKind,
    TaskSpec,
    Wait,
)
from rayproof.model.lineage.ray2.programs import Drop, GetOne
from rayproof.model.scheduler.ray2.owned.protocol import Cancel as CancelDeed
from rayproof.model.scheduler.ray2.owned.protocol import EndActor, MakeActor

QUICK_DEATHS = {
    "RAY_health_check_initial_delay_ms": "3000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
}
"""Deaths of nodes are noticed within 3 s, not 14."""

INDENT = "    "


def steering(found: Happened) -> dict[str, dict[str, str]]:
    """Environment of each process: Ray's testing switches."""
    made: dict[str, dict[str, str]] = {}
    if any(item[0] in ("crash", "crash with") for item in found.timeline):
        made[GCS] = dict(QUICK_DEATHS)
    for process in sorted({each.process for each in found.struck}):
        own = [(each.method, each.kind, each.nth) for each in found.struck if each.process == process]
        made.setdefault(process, {})[FAILURES] = failures(own)
    for process in sorted({each.process for each in found.late}):
        own_late = [each.method for each in found.late if each.process == process]
        made.setdefault(process, {})[DELAYS] = delays(own_late)
    return made


def script(part: Part, found: Happened, claims: Sequence[Item], head: Iterable[str], patience_s: float) -> str:
    """The whole script. `head`: sentences and lists for its docstring. Raises `NoProgram`."""
    writer = _Writer(part, found)
    driver = writer.driver()
    lines = ['"""' + "\n".join(head).rstrip(), '"""', "", "from rayproof.live import stage", ""]
    lines += [*_steering(steering(found)), "stage.prepare(STEERING)", ""]
    if any("ray." in line for text in (*writer.definitions.values(), driver) for line in text):
        lines += ["import ray  # noqa: E402", ""]
    lines += [
        "NODES = {",
        *(f'    "{node}": {_amounts(total, node if _binds(part) else "")},' for node, total in part.nodes.items()),
        "}",
    ]
    lines += ["TIMELINE = (", *(f"    {item!r}," for item in found.timeline), ")"]
    lines += ["CLAIMS = (", *(f"    {_claim(claim)!r}," for claim in claims), ")", "", ""]
    for text in writer.definitions.values():
        lines += [*text, "", ""]
    lines += ["def driver(play):", *(INDENT + line for line in driver), "", ""]
    lines += ['if __name__ == "__main__":']
    late = [node for node in part.nodes if node in part.late]
    joins = f", late={late!r}" if late else ""
    lines += [f"    stage.run(driver, NODES, TIMELINE, CLAIMS, STEERING, patience_s={patience_s:g}{joins})"]
    return "\n".join(line.replace("'", '"') if _is_data(line) else line for line in lines) + "\n"


def _steering(found: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The constant, with a line for each variable."""
    if not found:
        return ["STEERING = {}"]
    lines = ["STEERING = {"]
    for process, variables in found.items():
        lines.append(f"    {_text(process)}: {{")
        for name, value in variables.items():
            parts = (
                [_text(part) for part in re.split(r"(?<=[,{]) ?(?=\")", value)] if len(value) > 60 else [_text(value)]
            )
            if len(parts) == 1:
                lines.append(f"        {_text(name)}: {parts[0]},")
            else:
                lines += [f"        {_text(name)}: (", *(f"            {part}" for part in parts), "        ),"]
        lines.append("    },")
    return [*lines, "}"]


def _is_data(line: str) -> bool:
    return line.startswith("    (") and '"' not in line


def _claim(claim: Item) -> Item:
    """Objects are named as the script's variables."""
    if claim[0] in ("waits", "raises", "fails", "gives", "wrong value", "group"):
        names = {"waits": len(claim)}.get(claim[0], 2)
        return (claim[0], *map(variable, claim[1:names]), *claim[names:])
    return claim


def _binds(part: Part) -> bool:
    """Whether bundles are bound to nodes."""
    return any(node for bundles in part.groups.values() for _, node in bundles)


def _amounts(total: Resources, marked: str) -> str:
    """A node's resources; `marked`: its name, if bundles are bound to it."""
    units = {name: total[name] for name, _ in total.units}
    found: dict[str, Any] = {"num_cpus": _whole(units.pop("CPU", 0))}
    if "GPU" in units:
        found["num_gpus"] = _whole(units.pop("GPU"))
    units = {name: amount for name, amount in units.items() if name not in ("memory", "object_store_memory")}
    if marked:
        units[f"on:{marked}"] = 1
    if units:
        found["resources"] = units
    return _dictionary(found)


def _whole(amount: float) -> float:
    return int(amount) if amount == int(amount) else amount


def _dictionary(value: Mapping[str, Any]) -> str:
    inner = (f'"{k}": {_dictionary(v) if isinstance(v, dict) else _text(v)}' for k, v in value.items())
    return "{" + ", ".join(inner) + "}"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        return repr(value)
    return f'"{value}"' if '"' not in value else f"'{value}'"


@dataclass
class _Writer:
    part: Part
    found: Happened
    definitions: dict[tuple[Any, ...], list[str]] = field(default_factory=dict)
    """Functions and classes, by what they stand for."""
    names: dict[tuple[Any, ...], str] = field(default_factory=dict)

    def driver(self) -> list[str]:
        """The driver's body."""
        got: set[str] = set()
        dropped: set[str] = set()
        made: list[str] = []
        own = {action.group for action in self.part.driver if isinstance(action, MakeGroup)}
        lines = [self.group(group, wait=True) for group in self.part.groups if group not in own]
        for number, action in enumerate(self.part.driver):
            if self.part.paced and ("driver", number) in self.found.timeline:
                lines.append(f"play.at({number})")
            if isinstance(action, Get) and not action.objects:
                continue
            if isinstance(action, Get | GetOne):
                objects = action.objects if isinstance(action, Get) else (action.object,)
                got |= set(objects)
                lines.append(f"play.get({_named(objects)})")
            else:
                lines += self.action(action, driver=True)
            if isinstance(action, Drop):
                dropped.add(action.object)
            if isinstance(action, Submit) and action.task not in self.part.stays:
                made += self.part.tasks[action.task].outputs
        left = [each for each in made if each not in got | dropped]
        return [*lines, f"play.get({_named(left)})"] if left or not got else lines

    def action(self, action: Any, *, driver: bool = False) -> list[str]:
        """One action of a body."""
        match action:
            case Compute():
                return []
            case Submit(task):
                return self.submit(self.part.tasks[task])
            case MakeActor(actor):
                return self.submit(self.part.tasks[actor])
            case Get(objects):
                return [f"stage.get({_named(objects)})"]
            case Wait(objects, count):
                return [f"ray.wait([{', '.join(map(variable, objects))}], num_returns={count}, fetch_local=False)"]
            case Put(made):
                size = self.part.sizes.get(made, 10)
                value = f'b"1 ".ljust({size}, b".")' if driver else f"made({size})"
                return [f"{variable(made)} = ray.put({value})"]
            case Cancel(task) | CancelDeed(task):
                return [f"ray.cancel({variable(self.part.tasks[task].outputs[0])})"]
            case Drop(made):
                return [f"del {variable(made)}"]
            case Until(made):
                return [f'stage.until_known("{variable(made)}")']
            case MakeGroup(group):
                return [self.group(group, wait=False)]
            case AwaitGroup(group):
                return [f'play.await_group("{variable(group)}")']
            case GiveUpGroup(group):
                return [f'play.remove("{variable(group)}")']
            case EndActor(actor):
                return [f"ray.kill({variable(actor)})"]
        raise ValueError(f"{action!r} is no action of a script")

    def group(self, name: str, *, wait: bool) -> str:
        """A placement group is made."""
        bundles = ", ".join(self.bundle(amounts, node) for amounts, node in self.part.groups[name])
        strategy = self.part.strategies.get(name, "PACK")
        return f'play.group("{variable(name)}", [{bundles}], "{strategy}", wait={wait})'

    def bundle(self, amounts: Resources, node: str) -> str:
        """A bundle; one that is bound to a node asks for some of what only that has."""
        units = {name: _whole(amounts[name]) for name, _ in amounts.units}
        return _dictionary(units | ({f"on:{node}": 0.001} if node else {}))

    def submit(self, task: TaskSpec) -> list[str]:
        """A task or actor is submitted."""
        inputs = ", ".join([f'"{task.id}"', *map(variable, task.inputs)])
        if task.kind is TaskKind.ACTOR_METHOD:
            if task.body not in ((), (Compute(0),)):
                raise ValueError(f"{task.id}: a method with a body of its own")
            call = f"{variable(task.actor or '')}.{self.method(task)}.remote({inputs})"
            return [f"{variable(task.outputs[0])} = {call}"]
        if task.kind is TaskKind.ACTOR_CREATION:
            handle = variable(task.actor or "")
            lines = [f"{handle} = {self.actor_class(task)}.options({self.options(task)}).remote({inputs})"]
            return lines + [f"{variable(made)} = {handle}.__ray_ready__.remote()" for made in task.outputs]
        given = self.given(task)
        pairs = ", ".join(f'"{each}": {each}' for each in given)
        extra = f", given={{{pairs}}}" if given else ""
        call = f"{self.function(task)}.options({self.options(task)}).remote({inputs}{extra})"
        return [f"{', '.join(map(variable, task.outputs))} = {call}" if task.outputs else call]

    def method(self, task: TaskSpec) -> str:
        """The name of a method; those that give as many bytes share it."""
        size = self.part.sizes[task.outputs[0]]
        return "call" if size < 1000 else f"give_{size}"

    def options(self, task: TaskSpec) -> str:
        """What stands in `.options`."""
        units = {name: _whole(task.demand[name]) for name, _ in task.demand.units}
        found = [f"num_cpus={units.pop('CPU', 0)}"]
        if "GPU" in units:
            found.append(f"num_gpus={units.pop('GPU')}")
        units = {name: amount for name, amount in units.items() if name not in ("memory", "object_store_memory")}
        if units:
            found.append(f"resources={_dictionary(units)}")
        if task.kind is TaskKind.ACTOR_CREATION:
            methods = [each for each in self.part.tasks.values() if each.actor == task.actor and each is not task]
            found.append(f"max_restarts={task.max_retries}")
            retries = max((each.max_retries for each in methods), default=0)
            if retries:
                found.append(f"max_task_retries={retries}")
            if task.max_concurrency > 1:
                found.append(f"max_concurrency={task.max_concurrency}")
        else:
            found.append(f"max_retries={task.max_retries}")
        if len(task.outputs) > 1:
            found.append(f"num_returns={len(task.outputs)}")
        strategy = self.strategy(task)
        return ", ".join([*found, *([f"scheduling_strategy={strategy}"] if strategy else [])])

    def strategy(self, task: TaskSpec) -> str:
        """Its strategy; where a node is broken, a task that may run anywhere goes first to where the trace has it."""
        match task.strategy:
            case NodeAffinity(node, soft):
                return f'stage.on("{node}", soft={soft})'
            case PlacementGroup(group, bundle):
                return f'play.inside("{variable(group)}", {bundle})'
        place = self.found.places.get((task.id, 1))
        breaks = any(item[0] in ("crash", "crash with", "drain", "kill") for item in self.found.timeline)
        if place in self.part.nodes and (breaks or self.part.paced):
            return f'stage.on("{place}", soft=True)'
        return '"SPREAD"' if isinstance(task.strategy, Spread) else ""

    def function(self, task: TaskSpec) -> str:
        """The name of a remote function; tasks of one function share it."""
        sizes = tuple(self.part.sizes[made] for made in task.outputs)
        stays = task.id in self.part.stays
        key = (task.name or task.id, task.body, sizes, self.given(task), stays)
        if key not in self.names:
            self.names[key] = self.fresh(task.name or f"task_{task.id}")
            given = self.given(task)
            body = [f'{each} = given["{each}"]' for each in given]
            for action in task.body:
                body += self.action(action)
            body += ["stage.stay()"] if stays else []
            results = ", ".join(f"made({size})" for size in sizes)
            body.append(f"return {results}" if results else "pass")
            extra = ", given" if given else ""
            signature = f"def {self.names[key]}(me, *inputs{extra}):"
            text = ["@ray.remote", signature, f"{INDENT}with stage.body(me) as made:"]
            self.definitions[key] = [*text, *(2 * INDENT + line for line in body)]
        return self.names[key]

    def actor_class(self, task: TaskSpec) -> str:
        """The name of an actor's class."""
        key = ("actor", task.name)
        if key not in self.names:
            self.names[key] = self.fresh((task.name or "Actor").capitalize())
            text = ["@ray.remote", f"class {self.names[key]}:"]
            text += ["    def __init__(self, me, *inputs):", "        with stage.body(me):", "            pass"]
            methods = {
                self.method(each): self.part.sizes[each.outputs[0]]
                for each in self.part.tasks.values()
                if each.kind is TaskKind.ACTOR_METHOD and each.outputs
            }
            for name, size in sorted(methods.items()):
                text += ["", f"    def {name}(self, me, *inputs):", "        with stage.body(me) as made:"]
                text.append(f"            return made({size})")
            self.definitions[key] = text
        return self.names[key]

    def fresh(self, name: str) -> str:
        """A name that no other definition has."""
        others = {*self.part.tasks, *self.part.sizes, *(task.actor or "" for task in self.part.tasks.values())}
        wanted = variable(name)
        if wanted in map(variable, others):
            wanted = f"{wanted}Class" if wanted[0].isupper() else f"f_{wanted}"
        taken, found, number = set(self.names.values()), wanted, 2
        while found in taken:
            found, number = f"{wanted}_{number}", number + 1
        return found

    def given(self, task: TaskSpec) -> tuple[str, ...]:
        """Variables that a body speaks of and does not make."""
        made: set[str] = set()
        needed: list[str] = []
        for action in task.body:
            speaks: list[str] = []
            match action:
                case Submit(child):
                    spec = self.part.tasks[child]
                    speaks = [*map(variable, spec.inputs), *self.given(spec)]
                    if spec.kind is TaskKind.ACTOR_METHOD:
                        speaks.append(variable(spec.actor or ""))
                    made |= set(map(variable, spec.outputs))
                    if spec.kind is TaskKind.ACTOR_CREATION:
                        made.add(variable(spec.actor or ""))
                case Get(objects) | Wait(objects):
                    speaks = list(map(variable, objects))
                case Put(each):
                    made.add(variable(each))
            needed += [each for each in speaks if each not in made]
        return tuple(dict.fromkeys(needed))


def _named(objects: Iterable[str]) -> str:
    return ", ".join(f"{variable(each)}={variable(each)}" for each in objects)
