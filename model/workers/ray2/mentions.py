"""Which objects travel as references: what bodies speak of that others make, and what they make that others speak of.

Ray sends the owner's address along with each reference (`reference_counter.cc`). The model knows the program, so it
knows which addresses a body will need, and which it has to hand back with its result.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from rayproof.model.graph import Get, ObjectId, Program, Put, Submit, TaskId, Wait
from rayproof.model.graph.program import DRIVER


def owns_below_the_driver(program: Program) -> bool:
    """Whether any task's body submits, puts or gets."""
    return any(isinstance(action, Submit | Put | Get | Wait) for task in program.tasks.values() for action in task.body)


def mentions_of(program: Program) -> Mapping[TaskId, tuple[ObjectId, ...]]:
    """For each task the objects of others of which its body, or a body below it, speaks; inputs of its own apart."""
    return _collected(program, exported=False)


def exports_of(program: Program) -> Mapping[TaskId, tuple[ObjectId, ...]]:
    """For each task the objects owned by its body, or by a body below it, of which anybody else speaks."""
    return _collected(program, exported=True)


def _collected(program: Program, *, exported: bool) -> Mapping[TaskId, tuple[ObjectId, ...]]:
    if not owns_below_the_driver(program):
        return MappingProxyType({})
    below = _below(program)
    speakers: dict[ObjectId, set[TaskId]] = {}
    for body, actions in program.bodies():
        for action in actions:
            for said in action.objects if isinstance(action, Get | Wait) else ():
                speakers.setdefault(said, set()).add(body)
    for task in program.tasks.values():
        for said in task.inputs:
            # The argument of a task is spoken of by whoever submits it.
            speakers.setdefault(said, set()).add(program.parent(task.id))
    found: dict[TaskId, tuple[ObjectId, ...]] = {}
    for name in program.tasks:
        family = below[name]
        chosen = []
        for said, bodies in speakers.items():
            maker = program.producer(said)
            owner = maker if _is_put(program, said) or maker == DRIVER else program.parent(maker)
            inside = owner in family
            if (exported and inside and bodies - family) or (not exported and not inside and bodies & family):
                chosen.append(said)
        if chosen:
            found[name] = tuple(sorted(chosen))
    return MappingProxyType(found)


def _is_put(program: Program, made: ObjectId) -> bool:
    maker = program.producer(made)
    return maker == DRIVER or made not in program.tasks[maker].outputs


def _below(program: Program) -> dict[TaskId, set[TaskId]]:
    """Each task with all that it, or a task below it, submits."""
    below: dict[TaskId, set[TaskId]] = {task: {task} for task in program.tasks}
    for task in program.tasks:
        parent = program.parent(task)
        while parent != DRIVER:
            below[parent].add(task)
            parent = program.parent(parent)
    return below
