"""Two lower bounds on the makespan of a program whatever the policy, written down in the plainest way."""

from __future__ import annotations

from rayproof.model.graph import (
    ActorId,
    ClusterSpec,
    Compute,
    Get,
    ObjectId,
    Program,
    Put,
    Submit,
    TaskId,
    TaskKind,
    Wait,
)
from rayproof.model.graph.program import DRIVER


def critical_path_us(program: Program) -> int:
    """When the last body would end if every task started as soon as it was submitted and its inputs existed.

    Methods of one actor that have the same caller run in the order of their calls. Bodies are replayed by demand: to
    know when an object exists, run its producer; to know when a task was submitted, run its parent as far as the call.
    """
    return _Replay(program).end()


class _Replay:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.submitted: dict[TaskId, int] = {}
        self.ended: dict[TaskId, int] = {}
        self.put: dict[ObjectId, int] = {}
        self.last_method: dict[tuple[TaskId, ActorId], int] = {}
        self.producers = {made: task.id for task in program.tasks.values() for made in task.outputs}

    def end(self) -> int:
        # Each pass runs every body whose inputs are known; a program is acyclic, so each pass gets further.
        bodies = dict(self.program.bodies())
        todo = dict.fromkeys(bodies)
        while todo:
            before = len(todo), len(self.submitted), len(self.put)
            for body in list(todo):
                if self._run(body, bodies[body]):
                    del todo[body]
            assert (len(todo), len(self.submitted), len(self.put)) != before, f"stuck: {list(todo)}"
        return max(self.ended.values())

    def _exists(self, wanted: ObjectId) -> int | None:
        return self.put[wanted] if wanted in self.put else self.ended.get(self.producers.get(wanted, ""))

    def _run(self, body: TaskId, actions: tuple[object, ...]) -> bool:
        now = self._start(body)
        if now is None:
            return False
        for action in actions:
            match action:
                case Compute(duration):
                    now += duration
                case Submit(child):
                    self.submitted[child] = now
                case Put(made):
                    self.put[made] = now
                case Get(objects) | Wait(objects):
                    times = [self._exists(wanted) for wanted in objects]
                    known = sorted(time for time in times if time is not None)
                    count = len(objects) if isinstance(action, Get) else action.count
                    if len(known) < len(objects):
                        return False
                    now = max(now, known[count - 1])
        self.ended[body] = now
        return True

    def _start(self, body: TaskId) -> int | None:
        if body == DRIVER:
            return 0
        if body not in self.submitted:
            return None
        task = self.program.tasks[body]
        start = self.submitted[body]
        for needed in task.inputs:
            exists = self._exists(needed)
            if exists is None:
                return None
            start = max(start, exists)
        if task.kind is TaskKind.ACTOR_METHOD:
            for before in self._earlier_calls(body):
                if before not in self.ended:
                    return None
                start = max(start, self.ended[before])
        return start

    def _earlier_calls(self, method: TaskId) -> list[TaskId]:
        actor = self.program.tasks[method].actor
        calls = [
            action.task
            for action in dict(self.program.bodies())[self.program.parent(method)]
            if isinstance(action, Submit) and self.program.tasks[action.task].actor == actor
        ]
        return calls[: calls.index(method)]


def own_time_us(program: Program, task: TaskId) -> int:
    """The time a body uses, without what it spends in get and wait."""
    return sum(action.duration_us for action in program.tasks[task].body if isinstance(action, Compute))


def area_us(program: Program, cluster: ClusterSpec) -> dict[str, float]:
    """For each resource: the sum over tasks of own time times demand, spread evenly over what the cluster has."""
    used: dict[str, int] = {}
    for task in program.tasks.values():
        for name, amount in task.demand:
            used[name] = used.get(name, 0) + amount * own_time_us(program, task.id)
    return {name: amount / cluster.total[name] for name, amount in used.items() if cluster.total[name]}
