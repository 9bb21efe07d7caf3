"""Rewrites what a program says about actors and placement groups into what the cluster's processes understand.

An actor becomes an object that its constructor makes; each method takes it as first input, so it runs where the actor
lives, and takes a token that the method before it by the same caller makes (OSDI 2018, section 3.2: a stateful edge). A
bundle of a placement group becomes an affinity to the node on which it is reserved.

When a node dies the actor is lost with what its methods left there. What is still needed is made again, and with it,
in order, the constructor and the methods before it: the replay of the paper.

Left out: the order of methods of different callers (they may overlap), checkpoints, and the reservation of groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rayproof.model.graph import (
    Action,
    ActorId,
    AwaitGroup,
    Compute,
    Default,
    GiveUpGroup,
    MakeGroup,
    NodeAffinity,
    NodeId,
    ObjectId,
    ObjectSpec,
    PlacementGroup,
    Program,
    Resources,
    Strategy,
    Submit,
    TaskId,
    TaskKind,
    TaskSpec,
)

HOME, AFTER = "actor:", "after:"
"""Prefixes of the objects that stand for an actor, and for the end of a method."""

METHOD_RESOURCE = Resources()
"""What a method holds beside its actor."""


def settled_strategies(
    program: Program, bundles: Mapping[tuple[str, int], NodeId], nodes: frozenset[NodeId]
) -> Program:
    """The program with bundles as affinities, and without the making of groups.

    `bundles`: (group, index) -> node; affinities to others fall away.
    """

    def without_groups(body: tuple[Action, ...]) -> tuple[Action, ...]:
        return tuple(action for action in body if not isinstance(action, MakeGroup | AwaitGroup | GiveUpGroup))

    tasks = {
        task.id: replace(
            task, strategy=_strategy(task.strategy, bundles, nodes), body=without_groups(task.body) or (Compute(0),)
        )
        for task in program.tasks.values()
    }
    return Program(tasks, program.objects, without_groups(program.driver), program.name)


def lowered(program: Program) -> Program:
    """The program with actors as objects and their methods chained."""
    objects = dict(program.objects)
    tasks = dict(program.tasks)
    last: dict[tuple[TaskId, ActorId], ObjectId] = {}
    for submitter, body in program.bodies():
        for action in body:
            if isinstance(action, Submit):
                _chain(tasks, objects, last, submitter, action.task)
    return Program(tasks, objects, program.driver, program.name)


def _chain(
    tasks: dict[TaskId, TaskSpec],
    objects: dict[ObjectId, ObjectSpec],
    last: dict[tuple[TaskId, ActorId], ObjectId],
    submitter: TaskId,
    name: TaskId,
) -> None:
    task = tasks[name]
    if task.actor is None:
        return
    home = f"{HOME}{task.actor}"
    if task.kind is TaskKind.ACTOR_CREATION:
        objects[home] = ObjectSpec(home)
        tasks[name] = replace(task, outputs=(*task.outputs, home))
        return
    token = f"{AFTER}{name}"
    objects[token] = ObjectSpec(token)
    before = last.get((submitter, task.actor))
    inputs = (home, *((before,) if before else ()), *task.inputs)
    tasks[name] = replace(task, inputs=inputs, outputs=(*task.outputs, token), demand=METHOD_RESOURCE)
    last[submitter, task.actor] = token


def _strategy(strategy: Strategy, bundles: Mapping[tuple[str, int], NodeId], nodes: frozenset[NodeId]) -> Strategy:
    if isinstance(strategy, PlacementGroup):
        index = max(strategy.bundle, 0)
        node = bundles.get((strategy.group, index))
        return NodeAffinity(node) if node in nodes and node is not None else Default()
    if isinstance(strategy, NodeAffinity) and strategy.node not in nodes:
        return Default()
    return strategy
