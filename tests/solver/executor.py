"""A plain discrete-event run of a program with random decisions: what a bound on programs may never exceed.

Nodes hand out resources greedily or dawdle; a worker that blocks gives its CPUs back and takes them again on resuming,
even when that leaves less than none; an actor keeps what it was created with except CPUs and runs one method at a time,
in the order of each caller.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from random import Random

from rayproof.model.graph import (
    ClusterSpec,
    Compute,
    Get,
    NodeAffinity,
    Program,
    Put,
    Resources,
    Submit,
    TaskKind,
    Wait,
)
from rayproof.model.graph.program import DRIVER


@dataclass
class _Body:
    owner: str
    held: Resources
    node: str
    at: int = 0
    blocked: bool = False


@dataclass
class Run:
    """One execution; `all_us` and `driver_us` are when everything and when the driver had ended.

    A run may get stuck: a blocked parent keeps the only GPU, and its child needs one.
    """

    program: Program
    cluster: ClusterSpec
    random: Random
    all_us: int = 0
    driver_us: int = 0
    now: int = 0
    events: list[tuple[int, int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.free = {node.id: node.total for node in self.cluster.nodes}
        self.exists: set[str] = set()
        self.waiting: list[str] = []
        self.done: set[str] = set()
        self.bodies: dict[str, _Body] = {DRIVER: _Body(DRIVER, Resources(), self.cluster.nodes[0].id)}
        self.actors: dict[str, str | None] = {}
        self.calls: dict[tuple[str, str], list[str]] = {}
        self._advance(DRIVER)
        self._settle()
        while self.events:
            self.now, _, who = heapq.heappop(self.events)
            if who:
                self._advance(who)
            self._settle()
        self.stuck = bool(self.waiting or self.bodies)

    def _advance(self, who: str) -> None:
        body = self.bodies[who]
        script = self.program.driver if who == DRIVER else self.program.tasks[who].body
        while body.at < len(script):
            action = script[body.at]
            match action:
                case Compute(duration):
                    body.at += 1
                    if duration:
                        heapq.heappush(self.events, (self.now + duration, len(self.events), who))
                        return
                case Submit(child):
                    self.waiting.append(child)
                    actor = self.program.tasks[child].actor
                    if actor:
                        self.calls.setdefault((who, actor), []).append(child)
                    body.at += 1
                case Put(made):
                    self.exists.add(made)
                    body.at += 1
                case Get(objects) | Wait(objects):
                    wanted = action.count if isinstance(action, Wait) else len(objects)
                    if len(self.exists & set(objects)) < min(wanted, len(objects)):
                        if not body.blocked:
                            body.blocked = True
                            self._give(body.node, _cpus(body.held))
                        return
                    if body.blocked:
                        body.blocked = False
                        self._take(body.node, _cpus(body.held))
                    body.at += 1
        self._end(who, body)

    def _end(self, who: str, body: _Body) -> None:
        del self.bodies[who]
        self.done.add(who)
        self.all_us = self.now
        if who == DRIVER:
            self.driver_us = self.now
            return
        task = self.program.tasks[who]
        self.exists |= set(task.outputs)
        if task.kind is TaskKind.NORMAL:
            self._give(body.node, body.held)
        elif task.actor:
            self.actors[task.actor] = None

    def _settle(self) -> None:
        """Start and resume whatever can, in random order, until nothing changes; sometimes dawdle instead."""
        changed = True
        while changed:
            changed = False
            for body in list(self.bodies.values()):
                if body.blocked:
                    at = body.at
                    self._advance(body.owner)
                    changed |= body.at != at
            for name in self.random.sample(self.waiting, len(self.waiting)):
                if self.events and self.random.random() < 0.2:
                    continue
                changed |= self._try(name)

    def _try(self, name: str) -> bool:
        task = self.program.tasks[name]
        if not set(task.inputs) <= self.exists:
            return False
        node, held = "", Resources()
        if task.kind is TaskKind.ACTOR_METHOD:
            assert task.actor
            if self.actors.get(task.actor, "absent") is not None:
                return False
            caller = self.program.parent(name)
            earlier = self.calls[caller, task.actor]
            if not set(earlier[: earlier.index(name)]) <= self.done:
                return False
            self.actors[task.actor] = name
        else:
            fitting = [each for each in self.free if task.demand.fits(self.free[each])]
            if isinstance(task.strategy, NodeAffinity) and not task.strategy.soft:
                fitting = [each for each in fitting if each == task.strategy.node]
            if not fitting:
                return False
            node = self.random.choice(fitting)
            held = task.demand
            if task.kind is TaskKind.ACTOR_CREATION:
                assert task.actor
                held = held - _cpus(held)
                self.actors[task.actor] = name
            self._take(node, held)
        self.waiting.remove(name)
        self.bodies[name] = _Body(name, held, node)
        self._advance(name)
        return True

    def _give(self, node: str, amount: Resources) -> None:
        if node:
            self.free[node] = self.free[node] + amount

    def _take(self, node: str, amount: Resources) -> None:
        if node:
            self.free[node] = self.free[node] - amount


def _cpus(held: Resources) -> Resources:
    return Resources.from_units({"CPU": held["CPU"]})
