"""A recording run again, plainly: each task on the node where it ran, start-up as the reader estimated it."""

from __future__ import annotations

from rayproof.model.graph import Compute, Get, PlacementGroup, Submit, TaskId, Wait
from rayproof.model.graph.resources import UNIT
from rayproof.recordings import Recording
from tests.recordings.bounds import own_time_us


def replayed_makespan_us(recording: Recording) -> int:
    """For programs whose driver alone submits, and without actors.

    A node (or bundle) starts a worker process for each task that fits beside those it has, and makes later tasks wait
    for the process that is free first. The k-th process of a node starts as late as the k-th did in the recording.
    """
    return _Replay(recording).makespan()


class _Replay:
    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.tasks = recording.program.tasks
        self.node = {attempt.task: attempt.node for attempt in recording.outcome.attempts}
        self.total = {node.id: node.total for node in recording.cluster.nodes}
        self.cold = {node: list(delays) for node, delays in recording.startup.first_bodies}
        self.free: dict[tuple[str | None, int], list[int]] = {}
        self.end: dict[TaskId, int] = {}

    def makespan(self) -> int:
        now = 0
        for action in self.recording.program.driver:
            match action:
                case Compute(duration):
                    now += duration
                case Submit(task):
                    self.end[task] = self._run(task, now)
                case Get(objects):
                    now = max(now, *(self._made(item) for item in objects))
                case Wait(objects, count):
                    now = max(now, sorted(self._made(item) for item in objects)[count - 1])
        return max(now, *self.end.values())

    def _made(self, item: str) -> int:
        return self.end[self.recording.program.producer(item)]

    def _run(self, name: TaskId, submitted: int) -> int:
        task, node = self.tasks[name], self.node.get(name)
        ready = max([submitted, *(self._made(item) for item in task.inputs)])
        if name in self.recording.setup or node is None:
            return ready
        room, place = self.total[node], (node, -1)
        if isinstance(task.strategy, PlacementGroup):
            (group,) = (group for group in self.recording.groups if group.id == task.strategy.group)
            room, place = group.bundles[task.strategy.bundle], (node, task.strategy.bundle)
        most = min(room[kind] // amount for kind, amount in task.demand) if task.demand else UNIT
        workers = self.free.setdefault(place, [])
        if len(workers) < most and not any(end <= ready for end in workers):
            delay = self.cold[node].pop(0) if self.cold[node] else self.recording.startup.cold_us
            start = ready + delay
        else:
            free = min(workers)
            workers.remove(free)
            start = max(free, ready) + self.recording.startup.warm_us
        workers.append(start + own_time_us(self.recording.program, name))
        return workers[-1]
