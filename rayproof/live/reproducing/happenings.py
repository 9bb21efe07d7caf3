"""A trace carried out again, and what happens in it that a script can see or steer.

Behind the last step of a trace that is cut short by a broken statement the run goes on, first come first served and
without further faults, until nothing can happen: what becomes of the program is only seen then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rayproof.errors import InputError
from rayproof.live.reproducing.families import Family
from rayproof.live.reproducing.messages import METHODS, Method
from rayproof.live.stage import Item
from rayproof.model.kernel import Deliver, Fault, FaultKind, Message, Scenario, Step, Taken, World, slot_of
from rayproof.model.kernel.language.links import DOWN, UNREACHABLE

MOST_STEPS = 3_000
"""Steps of a run behind the end of its trace."""


@dataclass(frozen=True)
class Late:
    """A message that waits while other things happen."""

    method: Method
    process: str
    """The process in whose environment the delay belongs."""
    step: int


@dataclass(frozen=True)
class Struck:
    """A message that is lost, or arrives twice."""

    method: Method
    process: str
    kind: FaultKind
    nth: int
    """Which message of its kind from this process, from 1."""
    step: int


@dataclass
class Happened:
    """What happens in a run."""

    timeline: list[Item] = field(default_factory=list)
    late: list[Late] = field(default_factory=list)
    struck: list[Struck] = field(default_factory=list)
    unsteered: list[tuple[int, str]] = field(default_factory=list)
    """Steps that no script can bring about, and why."""
    begun: Counter[str] = field(default_factory=Counter)
    order: list[tuple[str, str, int]] = field(default_factory=list)
    """`begins` or `ends`, task, attempt, in the whole run; `drains` or `crashes`, node, 0."""
    outcomes: dict[str, str] = field(default_factory=dict)
    """Of objects: `value`, or an error's name; the last that anybody heard."""
    waits: tuple[str, ...] = ()
    """Objects that are waited for at the end, for ever."""
    left: dict[str, float] = field(default_factory=dict)
    """Resources that are still taken at the end."""
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """States in which groups that are not whole may be at the end."""
    places: dict[tuple[str, int], str] = field(default_factory=dict)
    """Nodes of attempts."""
    refusal: str = ""
    """Rule of the contract that was broken, and how."""


class _Watching:
    """A monitor that keeps what is observed."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def observe(self, event: Any) -> _Watching:
        self.events.append(event)
        return self


def happened(scenario: Scenario, steps: Sequence[Taken], family: Family) -> Happened:
    """Carry out a trace. Raises `InputError` when it is not one of this model."""
    found = Happened()
    choices: list[int] = []
    scripted = True

    def decide(count: int, random: bool = False) -> int:
        if not scripted:
            return 0
        index = choices.pop(0) if choices else -1
        if not 0 <= index < count:
            raise InputError("TRACE", None, "a choice that the model does not offer", "a trace of this model")
        return index

    world = World(scenario, decide, lambda affordable: scripted and decide(2) == 1)
    watching = _Watching()
    world.monitors[_Watching] = watching
    run = _Run(found, family, world)
    run.observed(watching.events, 0)
    for number, taken in enumerate(steps, 1):
        offered = (*world.system_steps(), *world.fault_steps())
        if taken.step not in offered:
            raise InputError(
                "TRACE", None, f"step {number}, {taken.step}, is not possible here", "a trace of this model"
            )
        choices[:] = taken.choices
        run.before(taken.step, number)
        watching.events.clear()
        world.take(taken.step)
        run.after(watching.events, number, taken.step)
    scripted = False
    end = len(found.timeline)
    for number in range(len(steps) + 1, len(steps) + MOST_STEPS):
        if world.quiescent():
            break
        following = world.system_steps()[0]
        watching.events.clear()
        try:
            world.take(following)
        except Exception:
            break  # A planted bug need not survive the state that it has made.
        run.after(watching.events, number, following)
    del found.timeline[end:]
    for monitor in world.monitors.values():
        found.refusal = found.refusal or getattr(getattr(monitor, "standing", None), "refusal", "")
    found.waits, found.left, found.groups = family.waiting(world), family.left(world), family.incomplete(world)
    return found


class _Run:
    """Keeps account of messages and bodies."""

    def __init__(self, found: Happened, family: Family, world: World) -> None:
        self.found, self.family, self.world = found, family, world
        self.open: dict[tuple[str, Any], int] = {}
        self.born: dict[tuple[str, str, str], list[int]] = {}
        self.sent: Counter[tuple[str, str]] = Counter()
        self.post(0)

    def before(self, step: Step, number: int) -> None:
        """What a step delivers or breaks."""
        message = self.world.message_of(step)
        match step:
            case Deliver(sender, receiver, channel):
                self.delivered(sender, receiver, channel, message, number)
            case Fault(FaultKind.LOSE | FaultKind.LOSE_REPLY | FaultKind.DUPLICATE | FaultKind.TRUNCATE):
                self.strike(step, message, number)
            case Fault(FaultKind.CRASH, unit):
                self.fell(unit, number)
        item = self.family.of_step(step, message, self.world)
        if item is not None and item[0] == "cannot":
            self.found.unsteered.append((number, str(item[1])))
        elif item is not None and item[0] == "in flight":
            for _ in range(self.sent["driver", item[1]]):
                self.found.struck.append(Struck(METHODS[item[1]], "driver", FaultKind.DUPLICATE, 1, number))
        elif item is not None:
            self.found.timeline.append(item)
            if item[0] in ("drain", "crash"):
                self.found.order.append(("crashes" if item[0] == "crash" else "drains", item[1], 0))

    def after(self, events: Sequence[Any], number: int, step: Step) -> None:
        """What has been observed, and what was sent."""
        self.observed(events, number)
        for event in self.family.changed(step, self.world):
            self.event(event, number)
        self.post(number)

    def observed(self, events: Sequence[Any], number: int) -> None:
        """What processes have observed."""
        for observed in events:
            for event in self.family.of_event(observed):
                self.event(event, number)

    def event(self, event: tuple[Any, ...], number: int) -> None:
        """A body begins or ends, an object has come, the driver acts."""
        match event:
            case ("begins", task, key, node):
                self.found.begun[task] += 1
                attempt = self.open[task, key] = self.found.begun[task]
                self.found.places[task, attempt] = node
                self.found.timeline.append(("begins", task, attempt))
                self.found.order.append(("begins", task, attempt))
            case ("ends", task, key):
                attempt = self.open.pop((task, key), self.found.begun[task])
                self.found.timeline.append(("ends", task, attempt))
                self.found.order.append(("ends", task, attempt))
            case ("place dies", place):
                for task, key in [each for each in self.open if str(each[1]).split("/")[: place.count("/") + 1] ==
                                  place.split("/")]:  # fmt: skip
                    self.found.order.append(("dies", task, self.open.pop((task, key))))
            case ("gives", name, outcome):
                self.found.outcomes[name] = outcome
            case ("driver", action):
                self.found.timeline.append(("driver", action))
            case ("killed", task, node):
                self.found.timeline.append(("kill", node))
                self.found.order.append(("dies", task, self.found.begun[task]))

    def post(self, number: int) -> None:
        """Note when each message in flight was sent."""
        now = self.world.messages()
        for key, queue in now.items():
            ages = self.born.setdefault(key, [])
            del ages[len(queue) :]
            ages += [len(self.found.timeline)] * (len(queue) - len(ages))
        for key in [key for key in self.born if key not in now]:
            del self.born[key]

    def delivered(self, sender: str, receiver: str, channel: str, message: Message | None, number: int) -> None:
        """A message that others have overtaken is late."""
        ages = self.born.get((sender, receiver, channel), [])
        age = ages.pop(0) if ages else len(self.found.timeline)
        method = METHODS.get(type(message).__name__)
        if method is None or channel in (DOWN, UNREACHABLE):
            return
        self.sent[self.family.host(sender), type(message).__name__] += 1
        if len(self.found.timeline) > age:
            # The handler of a request is delayed where it comes in, and so is that of a reply.
            self.found.late.append(Late(method, self.family.host(receiver), number))

    def fell(self, unit: str, number: int) -> None:
        """What is on its way to those that crash never comes in: its handler is late for good."""
        slots = self.world.scenario.unit_slots(unit)
        for (_, receiver, channel), queue in self.world.messages().items():
            for message in queue if slot_of(receiver) in slots and channel not in (DOWN, UNREACHABLE) else ():
                method = METHODS.get(type(message).__name__)
                if method is not None:
                    self.found.late.append(Late(method, self.family.host(receiver), number))

    def strike(self, fault: Fault, message: Message | None, number: int) -> None:
        """A message is lost or comes twice: the client of its call is where that is injected."""
        sender, receiver, _ = fault.target.split("|")
        name = type(message).__name__
        method = METHODS.get(name)
        if method is None:
            self.found.unsteered.append((number, f"{name} is no call of Ray's that can be lost or sent twice"))
            return
        client = self.family.host(receiver if method.reply else sender)
        nth = self.sent[self.family.host(sender), name] + 1
        self.found.struck.append(Struck(method, client, fault.kind, nth, number))
