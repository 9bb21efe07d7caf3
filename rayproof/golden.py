"""Golden decision tables: inputs and the answer of a policy, as JSON that a C++ unit test can replay.

Each row is one question of a raylet of today's Ray, put as that raylet puts it (`scheduler.ray2.place_hook`): the
request with its arguments and where they are, every node with what the raylet was told of it, the dead and the draining
included, and the answer. Views are drawn from a seed. A row in which the policy drew among several nodes lists all;
one without nodes is a request that waits. Memory goes from row to row, so that rows are replayed in order.

Left out: estimates of run times (the same on every node), labels and strategies.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from types import MappingProxyType
from typing import Any

from rayproof.model.graph import Default, ObjectSpec, Program, Put, Resources, Submit, TaskSpec
from rayproof.model.kernel import Context, Name
from rayproof.model.scheduler.policy.hooks import Policy, initial_memory, policy_name
from rayproof.model.scheduler.ray import NodeResources
from rayproof.model.scheduler.ray2.place_hook import Asked, Seat
from rayproof.model.wire.ray2.leases import LeaseSpec, Located, View
from rayproof.policies import require_settled

SIZES = (1 << 20, 20_000_000)
"""Sizes of arguments in bytes."""

MOST_DRAWS = 1_000
"""Ways in which the draws of one decision are tried to come out."""


@dataclass(frozen=True)
class DrawnRaylet:
    """What a raylet knows: a `place_hook.Viewer`."""

    me: Name
    said: Mapping[Name, View]
    seats: Mapping[Name, Seat]
    dead: frozenset[Name]

    def nodes(self, me: Name) -> Sequence[NodeResources]:
        """Every node, the dead included."""
        return [
            NodeResources(
                name, view.total, dict(view.available.units), draining=view.draining, alive=name not in self.dead
            )
            for name, view in self.said.items()
        ]

    def own_view(self, me: Name) -> View:
        """What it says of its own node."""
        return self.said[me]


@dataclass(frozen=True)
class Question:
    """One question."""

    raylet: DrawnRaylet
    request: LeaseSpec
    program: Program


def golden_table(policy: Policy, rows: int, seed: int, nodes: int = 4) -> dict[str, Any]:
    """A table of so many decisions."""
    random = Random(seed)
    memory = initial_memory(policy)
    made = []
    for number in range(rows):
        question = _drawn(random, nodes, f"t{number}")
        among, memory = _answers(policy, question, memory)
        raylet = question.raylet
        made.append(
            {
                "demand": question.request.demand.amounts(),
                "arguments": [
                    {"size_bytes": argument.size_bytes, "nodes": list(argument.nodes)}
                    for argument in question.request.args
                ],
                "local": raylet.me,
                "nodes": [
                    {
                        "name": name,
                        "total": view.total.amounts(),
                        "available": view.available.amounts(),
                        "queued": view.queued,
                        "alive": name not in raylet.dead,
                        "draining": view.draining,
                    }
                    for name, view in raylet.said.items()
                ],
                "node_in": sorted(among),
            }
        )
    require_settled(policy)
    return {"policy": policy_name(policy), "seed": seed, "rows": made}


def _answers(policy: Policy, question: Question, memory: Hashable) -> tuple[set[Name], Hashable]:
    """The nodes that a policy answers with, whatever it draws, and its memory where each draw is the first option."""
    raylet, request = question.raylet, question.request
    usable = (node for node in raylet.nodes(raylet.me) if node.usable)
    if not any(request.demand.fits(node.total) for node in usable):
        return set(), memory  # No raylet asks then.
    asked = Asked(policy, question.program, {})
    found: set[Name] = set()
    first: Hashable = None
    ways: list[tuple[int, ...]] = [()]
    for way in islice(ways, MOST_DRAWS):  # It grows meanwhile.
        counts: list[int] = []

        def decide(count: int, fair: bool, way: tuple[int, ...] = way, counts: list[int] = counts) -> int:
            counts.append(count)
            return way[len(counts) - 1] if len(counts) <= len(way) else 0

        context = Context(decide, lambda fault: False)
        context.me = raylet.me
        node, after = asked.place(request, raylet, memory, context)
        first = first if way else after
        if node is not None:
            found.add(node)
        for at in range(len(way), len(counts)):
            ways += [(*way, *[0] * (at - len(way)), option) for option in range(1, counts[at])]
    return found, first


def _drawn(random: Random, count: int, task: str) -> Question:
    said, seats, dead = {}, {}, set()
    for number in range(count):
        name = f"node{number}"
        total = Resources.of(CPU=random.choice((2, 4, 8)), GPU=random.choice((0, 0, 1)))
        cpus = round(total["CPU"])
        free = random.randint(0, cpus)
        said[name] = View(total, Resources.of(CPU=free, GPU=total["GPU"]), random.random() < 0.1, cpus - free)
        seats[name] = Seat(f"n{number}", number, total)
        if random.random() < 0.1:
            dead.add(name)
    names = list(said)
    local = random.choice([name for name in names if name not in dead] or names)
    dead.discard(local)
    demand = Resources.of(CPU=random.choice((1, 2)), GPU=random.choice((0, 0, 0, 1)))
    arguments = tuple(
        Located(
            f"o{number}",
            random.choice(SIZES),
            "",
            tuple(sorted(random.sample(names, random.randint(1, min(2, count))))),
        )
        for number in range(random.choice((0, 0, 1, 2)))
    )
    inputs = tuple(argument.object for argument in arguments)
    program = Program(
        {task: TaskSpec(task, inputs, (), demand, name="f")},
        {argument.object: ObjectSpec(argument.object, argument.size_bytes) for argument in arguments},
        (*map(Put, inputs), Submit(task)),
    )
    request = LeaseSpec(("owner", 1), "f", demand, Default(), task, tuple(arguments))
    return Question(
        DrawnRaylet(local, MappingProxyType(said), MappingProxyType(seats), frozenset(dead)), request, program
    )
