"""What a workload lets a policy decide at all: recorded strategies that come before it, hooks that were never asked."""

from __future__ import annotations

from collections import Counter

from rayproof.check.measures import Measures
from rayproof.model.graph import NodeAffinity, PlacementGroup, Program, Spread, TaskKind, TaskSpec
from rayproof.properties.entry import Edition

HOOKS = ("place", "order", "preempt", "retry", "transfer", "migrate")

UNASKED = {
    Edition.PAPER: {
        "transfer": "the simulation sends whole objects, in the order in which they are wanted",
        "migrate": "the simulation moves no actors",
        "preempt": "the paper's local schedulers end no task",
    },
    Edition.RAY2: {
        "migrate": "the simulation moves no actors",
    },
}
"""Hooks that the simulated cluster has no use for, with the reason; the small scopes check them."""


def strategies_in_force(program: Program) -> tuple[str, ...]:
    """A sentence for each recorded strategy that takes a decision from the policy, or shares it."""
    kinds: Counter[str] = Counter()
    for task in program.tasks.values():
        match task.strategy:
            case Spread():
                kinds["spread"] += 1
            case NodeAffinity(soft=True):
                kinds["soft"] += 1
            case NodeAffinity() | PlacementGroup():
                kinds["pinned"] += task.name != "setup"
        kinds["method"] += task.kind is TaskKind.ACTOR_METHOD
    of = f"of {len(program.tasks)} tasks"
    told = {
        "spread": f"{kinds['spread']} {of} were recorded with strategy SPREAD: policies see it, and those that follow "
        "it (default does) place these alike",
        "pinned": f"{kinds['pinned']} {of} were recorded as bound to one node or bundle: no policy decides on them",
        "soft": f"{kinds['soft']} {of} were recorded with a soft affinity: while its node lives, no policy decides",
        "method": f"{kinds['method']} {of} are methods of actors: they run where their actor lives",
    }
    return tuple(sentence for kind, sentence in told.items() if kinds[kind])


def idle_hooks(policy: object, measures: Measures, edition: Edition) -> tuple[str, ...]:
    """A sentence for each hook of a policy that had nothing to decide in a run."""
    idle = dict(UNASKED[edition])
    if all(sum(task.demand.fits(node.total) for node in measures.cluster.nodes) <= 1 for task in _free(measures)):
        idle["place"] = "no task could run on more than one node"
    if "retry" not in idle and not any(times.asked for times in measures.times.values()) and not measures.rejected:
        idle["retry"] = "every task found a place at once"
    most = measures.most_waiting()
    if most < 2:
        idle["order"] = "never did two tasks wait on one node"
    if most < 1 and not any(times.asked for times in measures.times.values()):
        idle.setdefault("preempt", "every task found a place at once")
    has = [hook for hook in HOOKS if callable(getattr(policy, hook, None))]
    return tuple(f"its hook {hook} cannot matter on this workload: {idle[hook]}" for hook in has if hook in idle)


def _free(measures: Measures) -> list[TaskSpec]:
    return [
        task
        for task in measures.program.tasks.values()
        if task.kind is not TaskKind.ACTOR_METHOD and not isinstance(task.strategy, NodeAffinity)
    ]
