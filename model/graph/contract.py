"""The contract: the dynamic task graph as an abstract machine without nodes, which every edition refines.

Source: Moritz et al., OSDI 2018, section 3.2 (the graph and its edges), and Ray 2.60 `core_worker/task_manager.cc` for
attempts, retries and errors. The machine reads **facts**, one at a time, and refuses the first that the contract does
not allow: an edition maps what its processes observe onto facts, a log of real Ray is mapped in the same way. Deaths
and losses are facts that the mapping feeds in; every further attempt and every error needs one of them as its cause.

It is safety with stuttering: what maps to no fact changes nothing, and nothing is said about what must happen. Left
out: values (a value is an opaque number of the attempt that made it), and the order of calls of actors that run several
at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, TypeAlias

from rayproof.model.graph.program import (
    DRIVER,
    ActorId,
    Get,
    ObjectId,
    Program,
    Submit,
    TaskId,
    TaskKind,
)
from rayproof.model.graph.strategies import GroupId

Place: TypeAlias = str
"""A process in which bodies run, never used again once it has died: `node/...`, where a node is a place as well."""


class ErrorKind(StrEnum):
    """What a get may raise in place of a value."""

    WORKER_DIED = "worker_died"
    """The last attempt that was allowed died with its process."""
    ACTOR_DIED = "actor_died"
    """The actor of a call has died, and is not started again."""
    OBJECT_LOST = "object_lost"
    """Its copies are gone, and it cannot be made again."""
    DEPENDENCY = "dependency"
    """An input has failed."""
    UNSCHEDULABLE = "unschedulable"
    """It is bound to a node that is dead, or that can never run it."""
    GROUP_REMOVED = "group_removed"
    """Its placement group was given up while it waited for a worker."""
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    """The scheduler's policy gave it up."""


# ---- facts -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TaskSubmitted:
    """A body submitted a task."""

    task: TaskId
    by: TaskId


@dataclass(frozen=True, slots=True)
class Began:
    """An attempt of a task began to run in a process."""

    task: TaskId
    place: Place


@dataclass(frozen=True, slots=True)
class Ended:
    """The body of a task came to its end."""

    task: TaskId
    place: Place


@dataclass(frozen=True, slots=True)
class Made:
    """A body stored an object, by return or by put."""

    object: ObjectId
    value: int
    place: Place


@dataclass(frozen=True, slots=True)
class Got:
    """A body has read the value of an object."""

    reader: TaskId
    object: ObjectId
    value: int


@dataclass(frozen=True, slots=True)
class GotError:
    """A body was told that there will be no value."""

    reader: TaskId
    object: ObjectId


@dataclass(frozen=True, slots=True)
class Failed:
    """The owner of a task gave it up."""

    task: TaskId
    error: ErrorKind


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """Somebody asked for the end of a task."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class GroupRemoved:
    """A body gave a placement group up."""

    group: GroupId


@dataclass(frozen=True, slots=True)
class GivenUp:
    """The scheduler's policy gave a task up."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class PlaceDied:
    """Fed in by the mapping: a process, or the node that it was on, is dead."""

    place: Place


@dataclass(frozen=True, slots=True)
class PlaceGone:
    """Fed in by the mapping: a process or node was declared dead, and may go on until it hears of that."""

    place: Place


@dataclass(frozen=True, slots=True)
class CopiesLost:
    """Fed in by the mapping: the last copy of an object is gone."""

    object: ObjectId


@dataclass(frozen=True, slots=True)
class DriverEnded:
    """The driver's body came to its end."""


Fact: TypeAlias = (
    TaskSubmitted
    | Began
    | Ended
    | Made
    | Got
    | GotError
    | Failed
    | CancelAsked
    | GroupRemoved
    | GivenUp
    | PlaceDied
    | PlaceGone
    | CopiesLost
    | DriverEnded
)


@dataclass
class Contract:
    """One run of the abstract machine.

    `without`: rules (names of its methods) that are left out. It is there to show that each of them refuses something.
    """

    program: Program
    without: frozenset[str] = frozenset()
    runs: dict[TaskId, set[Place]] = field(default_factory=dict)
    """Attempts that run: task -> their processes."""
    last: dict[TaskId, Place] = field(default_factory=dict)
    """The process of the latest attempt."""
    begun: Counter[TaskId] = field(default_factory=Counter)
    ended: set[TaskId] = field(default_factory=set)
    submitted: Counter[TaskId] = field(default_factory=Counter)
    owed: Counter[TaskId] = field(default_factory=Counter)
    """Submissions, and deaths and losses since, that no attempt has answered yet."""
    recovered: Counter[TaskId] = field(default_factory=Counter)
    """Losses of what a task made."""
    values: dict[ObjectId, set[int]] = field(default_factory=dict)
    lost: set[ObjectId] = field(default_factory=set)
    """Objects of which no copy is left."""
    got: set[tuple[TaskId, ObjectId]] = field(default_factory=set)
    dead: set[Place] = field(default_factory=set)
    gone: set[Place] = field(default_factory=set)
    """Declared dead: nothing is expected of them any more, and nothing of what they do is forbidden."""
    asked: set[TaskId] = field(default_factory=set)
    refused: set[TaskId] = field(default_factory=set)
    removed: set[GroupId] = field(default_factory=set)
    failed: dict[TaskId, ErrorKind] = field(default_factory=dict)
    done: bool = False

    def frozen(self) -> tuple[Any, ...]:
        """The state as a value; equal for equal states."""
        return tuple(_frozen(getattr(self, name)) for name in _STATE)

    @classmethod
    def thawed(cls, program: Program, state: tuple[Any, ...]) -> Contract:
        """A machine in a state that was frozen; the initial one without any."""
        machine = cls(program)
        for name, value in zip(_STATE, state, strict=False):
            now = getattr(machine, name)
            if isinstance(now, bool):
                setattr(machine, name, value)
            elif isinstance(now, dict):
                dict.update(now, {key: set(part) if name in ("runs", "values") else part for key, part in value})
            else:
                now.update(value)
        return machine

    def observe(self, fact: Fact) -> str:
        """Take one step; returns why the contract does not allow it, or nothing."""
        for name, rule in RULES.items():
            if name not in self.without:
                refusal = rule(self, fact)
                if refusal:
                    return f"{name}: {refusal}"
        self._take(fact)
        return ""

    def parent_runs(self, task: TaskId) -> bool:
        """Whether the body that submits a task runs."""
        parent = self.program.parent(task)
        return not self.done if parent == DRIVER else bool(self.runs.get(parent))

    def is_dead(self, place: Place) -> bool:
        """Whether a process has died, alone or with its node."""
        return place in self.dead or place.partition("/")[0] in self.dead

    def is_given_up(self, place: Place) -> bool:
        """Whether a process has died, or was declared dead."""
        return self.is_dead(place) or place in self.gone or place.partition("/")[0] in self.gone

    def earlier_calls(self, task: TaskId) -> list[TaskId]:
        """The methods of the same actor that the same body submits before this one."""
        spec = self.program.tasks[task]
        if spec.kind is not TaskKind.ACTOR_METHOD:
            return []
        return _calls(self.program, self.program.parent(task), spec.actor)[: self._number_of_call(task)]

    def _number_of_call(self, task: TaskId) -> int:
        return _calls(self.program, self.program.parent(task), self.program.tasks[task].actor).index(task)

    def _take(self, fact: Fact) -> None:
        match fact:
            case TaskSubmitted(task):
                self.submitted[task] += 1
                self.owed[task] += 1
                self.failed.pop(task, None)
            case Began(task, place):
                self.runs.setdefault(task, set()).add(place)
                self.begun[task] += 1
                if not self.is_given_up(place):
                    # What begins where it was given up answers nothing that is owed.
                    self.owed[task] = max(0, self.owed[task] - 1)
                    self.last[task] = place
            case Ended(task, place):
                self.runs.get(task, set()).discard(place)
                self.ended.add(task)
            case Made(made, value):
                self.values.setdefault(made, set()).add(value)
                self.lost.discard(made)
            case Got(reader, made):
                self.got.add((reader, made))
            case GotError(reader, made):
                self.got.add((reader, made))
            case Failed(task, error):
                self.failed[task] = error
                self.owed[task] = 0
            case CancelAsked(task):
                self.asked.add(task)
            case GroupRemoved(group):
                self.removed.add(group)
            case GivenUp(task):
                self.refused.add(task)
            case PlaceDied(place) | PlaceGone(place):
                before = {task for task, last in self.last.items() if self.is_given_up(last)}
                (self.dead if isinstance(fact, PlaceDied) else self.gone).add(place)
                for task, last in sorted(self.last.items()):
                    # Also what had ended there: the word of it may never come.
                    if task not in before and self.is_given_up(last):
                        self.owed[task] = max(1, self.owed[task])
                for places in self.runs.values():
                    places -= {each for each in places if self.is_dead(each)}
            case CopiesLost(made):
                self.lost.add(made)
                maker = self.program.producer(made)
                self.recovered[maker] += 1
                self.owed[maker] = max(1, self.owed[maker])
            case DriverEnded():
                self.done = True


_STATE = tuple(each.name for each in fields(Contract) if each.name not in ("program", "without"))


def _frozen(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, dict):
        parts = ((key, tuple(sorted(part)) if isinstance(part, set) else part) for key, part in value.items())
        return tuple(sorted((key, part) for key, part in parts if part not in ((), 0)))
    return tuple(sorted(value))


def _calls(program: Program, caller: TaskId, actor: ActorId | None) -> list[TaskId]:
    body = program.driver if caller == DRIVER else program.tasks[caller].body
    return [
        action.task
        for action in body
        if isinstance(action, Submit)
        and program.tasks[action.task].actor == actor
        and program.tasks[action.task].kind is TaskKind.ACTOR_METHOD
    ]


# ---- rules -----------------------------------------------------------------------------------------------------------


def submits_while_it_runs(now: Contract, fact: Fact) -> str:
    """A task is submitted by its parent's body, while that runs."""
    if isinstance(fact, TaskSubmitted) and (fact.by != now.program.parent(fact.task) or not now.parent_runs(fact.task)):
        return f"{fact.task} was submitted by {fact.by}, which does not run or is not its parent"
    return ""


def submits_once_a_run(now: Contract, fact: Fact) -> str:
    """A body submits a task once each time that it runs."""
    if isinstance(fact, TaskSubmitted):
        parent = now.program.parent(fact.task)
        runs = 1 if parent == DRIVER else now.begun[parent]
        if now.submitted[fact.task] >= runs:
            return f"{fact.task} was submitted {now.submitted[fact.task] + 1} times by {runs} runs of {parent}"
    return ""


def begins_after_its_submission(now: Contract, fact: Fact) -> str:
    """A body begins only when it was submitted."""
    if isinstance(fact, Began) and not now.submitted[fact.task]:
        return f"{fact.task} began before it was submitted"
    return ""


def begins_after_its_inputs(now: Contract, fact: Fact) -> str:
    """A body begins only when each of its inputs has been made."""
    if isinstance(fact, Began):
        for needed in now.program.tasks[fact.task].inputs:
            if needed not in now.values:
                return f"{fact.task} began without {needed}"
    return ""


def attempts_are_counted(now: Contract, fact: Fact) -> str:
    """attempts <= submissions + retries + losses of what it made."""
    if isinstance(fact, Began):
        retries = now.program.tasks[fact.task].max_retries
        most = max(1, now.submitted[fact.task]) * (1 + retries) + now.recovered[fact.task]
        if retries >= 0 and now.begun[fact.task] >= most:
            return f"attempt {now.begun[fact.task] + 1} of {fact.task}, which may have {most}"
    return ""


def an_attempt_has_its_cause(now: Contract, fact: Fact) -> str:
    """A further attempt follows a death under the attempt before it, or a loss of what that made."""
    if isinstance(fact, Began) and not now.owed[fact.task] and now.begun[fact.task] and not now.is_given_up(fact.place):
        return f"{fact.task} began again although nothing of it had died or was lost"
    return ""


def one_body_a_process(now: Contract, fact: Fact) -> str:
    """A process runs one body at a time."""
    if isinstance(fact, Began):
        for task, places in sorted(now.runs.items()):
            if fact.place in places and not _shares(now, task, fact.task):
                return f"{fact.task} began in {fact.place}, where {task} runs"
    return ""


def _shares(now: Contract, task: TaskId, other: TaskId) -> bool:
    """Whether two methods of one actor may run at once."""
    one, two = now.program.tasks[task], now.program.tasks[other]
    return one.actor is not None and one.actor == two.actor and one.max_concurrency > 1


def the_dead_do_nothing(now: Contract, fact: Fact) -> str:
    """Nothing begins, ends or is made in a process that has died."""
    if isinstance(fact, Began | Ended | Made) and now.is_dead(fact.place):
        return f"{fact} in a process that is dead"
    return ""


def ends_where_it_runs(now: Contract, fact: Fact) -> str:
    """A body ends in a process in which it runs."""
    if isinstance(fact, Ended) and fact.place not in now.runs.get(fact.task, ()):
        return f"{fact.task} ended in {fact.place}, where it does not run"
    return ""


def made_by_its_body(now: Contract, fact: Fact) -> str:
    """An object is made by the body of its task, while that runs."""
    if isinstance(fact, Made):
        maker = now.program.producer(fact.object)
        if maker == DRIVER:
            return "" if not now.done else f"{fact.object} was put after the driver's end"
        if fact.place not in now.runs.get(maker, ()):
            return f"{fact.object} was made in {fact.place}, where {maker} does not run"
    return ""


def a_get_returns_what_was_made(now: Contract, fact: Fact) -> str:
    """A get returns the value of some attempt of the object's task."""
    if isinstance(fact, Got) and fact.value not in now.values.get(fact.object, ()):
        return f"{fact.reader} got {fact.value} for {fact.object}, which no attempt made"
    return ""


def a_get_fails_with_its_task(now: Contract, fact: Fact) -> str:
    """A get raises only when the object's task has failed, or its copies are gone for good."""
    if isinstance(fact, GotError):
        maker = now.program.producer(fact.object)
        if maker not in now.failed and fact.object not in now.lost:
            return f"{fact.reader} got an error for {fact.object}, which has not failed"
    return ""


def an_error_has_its_cause(now: Contract, fact: Fact) -> str:
    """Every error has its cause: a death, a loss, a request, the end of its own group, or the failure of an input."""
    if not isinstance(fact, Failed):
        return ""
    task = now.program.tasks[fact.task]
    because = {
        ErrorKind.WORKER_DIED: bool(now.dead or now.gone),
        ErrorKind.ACTOR_DIED: _actor_has_died(now, fact.task),
        ErrorKind.OBJECT_LOST: any(made in now.lost for made in (*task.inputs, *task.outputs)),
        ErrorKind.DEPENDENCY: any(
            now.program.producer(needed) in now.failed or needed in now.lost for needed in task.inputs
        ),
        ErrorKind.UNSCHEDULABLE: hasattr(task.strategy, "node") or hasattr(task.strategy, "group"),
        ErrorKind.GROUP_REMOVED: getattr(task.strategy, "group", None) in now.removed,
        ErrorKind.CANCELLED: fact.task in now.asked,
        ErrorKind.REJECTED: fact.task in now.refused,
    }
    return "" if because[fact.error] else f"{fact.task} failed with {fact.error}, for which nothing has happened"


def _actor_has_died(now: Contract, task: TaskId) -> bool:
    """Whether the actor of a task has died, or never came up; it may die with its node before its body begins."""
    actor = now.program.tasks[task].actor
    creations = [
        each.id
        for each in now.program.tasks.values()
        if each.kind is TaskKind.ACTOR_CREATION and each.actor == actor and actor is not None
    ]
    return any(
        each in now.failed or (now.is_given_up(now.last[each]) if each in now.last else bool(now.dead or now.gone))
        for each in creations
    )


def retries_are_used_up_first(now: Contract, fact: Fact) -> str:
    """A task fails for a death only when it may have no further attempt; one may die before its body begins.

    Making a lost object again takes an attempt, too.
    """
    if isinstance(fact, Failed) and fact.error is ErrorKind.WORKER_DIED:
        retries = now.program.tasks[fact.task].max_retries
        used = max(now.begun[fact.task], len(now.dead | now.gone)) + now.recovered[fact.task]
        if retries < 0 or used < 1 + retries:
            return f"{fact.task} failed after {used} attempts of {1 + retries}"
    return ""


def calls_begin_in_order(now: Contract, fact: Fact) -> str:
    """Calls of one caller to a serial actor begin in the order in which they were made, retries excepted."""
    if isinstance(fact, Began) and not now.begun[fact.task]:
        for call in now.earlier_calls(fact.task):
            spec = now.program.tasks[call]
            if not now.begun[call] and call not in now.failed and spec.max_concurrency == 1:
                return f"{fact.task} began before {call}, which was called earlier"
    return ""


def the_driver_waits_for_its_gets(now: Contract, fact: Fact) -> str:
    """The driver ends only after every object of its gets has been got."""
    if isinstance(fact, DriverEnded):
        for action in now.program.driver:
            for wanted in action.objects if isinstance(action, Get) else ():
                if (DRIVER, wanted) not in now.got:
                    return f"the driver ended without {wanted}"
    return ""


RULES: dict[str, Callable[[Contract, Fact], str]] = {
    rule.__name__: rule
    for rule in (
        submits_while_it_runs,
        submits_once_a_run,
        begins_after_its_submission,
        begins_after_its_inputs,
        attempts_are_counted,
        an_attempt_has_its_cause,
        one_body_a_process,
        the_dead_do_nothing,
        ends_where_it_runs,
        made_by_its_body,
        a_get_returns_what_was_made,
        a_get_fails_with_its_task,
        an_error_has_its_cause,
        retries_are_used_up_first,
        calls_begin_in_order,
        the_driver_waits_for_its_gets,
    )
}
"""What the contract refuses, by name; each has a run that nothing else refuses (`tests/graph/test_contract.py`)."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run stands with the contract: the machine's state, and its first refusal. Hashable: a monitor's state."""

    state: tuple[Any, ...] = ()
    refusal: str = ""

    def after(self, program: Program, fact: Fact) -> Standing:
        """The standing after a fact; what was refused stays refused."""
        if self.refusal:
            return self
        machine = Contract.thawed(program, self.state)
        refusal = machine.observe(fact)
        return Standing(self.state if refusal else machine.frozen(), refusal)
