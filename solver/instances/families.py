"""Random families of instances, each a function of its sizes and a seed."""

from __future__ import annotations

from collections.abc import Iterator
from operator import le
from random import Random

from rayproof.model.graph import Resources
from rayproof.solver.instances.form import Instance, Node, Object, Objective, Occupant, Task

BYTES_PER_US = 1_000_000
"""Bandwidth in bytes a second at which a byte takes a microsecond, so that sizes read as delays."""


def tiny(count: int = 24, seed: int = 0) -> Iterator[tuple[str, Instance]]:
    """(family, instance) pairs small enough to be solved exactly in milliseconds."""
    for at in range(count):
        yield "fan-out", fan_out(6, 2 + at % 2, seed + at)
        yield "chains", chains(3, 3, 2, seed + at)
        yield "heterogeneous", heterogeneous(8, 2 + at % 2, seed + at)


def fan_out(tasks: int, nodes: int, seed: int) -> Instance:
    """Independent tasks between one that feeds them all and one that gathers their results."""
    random = Random(seed)
    cpu = Resources.of(CPU=1)
    middle = tuple(
        Task(f"t{at}", random.randint(1, 10), cpu, inputs=("source",), outputs=(f"o{at}",)) for at in range(tasks)
    )
    objects = (Object("source", random.randint(0, 6)), *(Object(f"o{at}", random.randint(0, 6)) for at in range(tasks)))
    return Instance(
        tuple(Node(f"n{at}", cpu) for at in range(nodes)),
        (
            Task("scatter", random.randint(1, 3), cpu, outputs=("source",)),
            *middle,
            Task("gather", random.randint(1, 3), cpu, inputs=tuple(f"o{at}" for at in range(tasks))),
        ),
        objects,
        bandwidth_bytes_per_s=BYTES_PER_US,
        name=f"fan-out-{tasks}x{nodes}-{seed}",
    )


def chains(count: int, length: int, nodes: int, seed: int) -> Instance:
    """Pipelines that pass large results from stage to stage."""
    random = Random(seed)
    cpu = Resources.of(CPU=1)
    tasks, objects = [], []
    for chain in range(count):
        for stage in range(length):
            inputs = (f"o{chain}.{stage - 1}",) if stage else ()
            name = f"{chain}.{stage}"
            tasks.append(Task(f"t{name}", random.randint(1, 10), cpu, inputs=inputs, outputs=(f"o{name}",)))
            objects.append(Object(f"o{name}", random.randint(3, 9)))
    return Instance(
        tuple(Node(f"n{at}", cpu) for at in range(nodes)),
        tuple(tasks),
        tuple(objects),
        bandwidth_bytes_per_s=BYTES_PER_US,
        name=f"chains-{count}x{length}-{nodes}-{seed}",
    )


def heterogeneous(tasks: int, nodes: int, seed: int, max_duration: int = 10, max_delay: int = 6) -> Instance:
    """A layered graph on nodes that differ in CPUs, GPUs and memory, with transfer delays and several tasks a node.

    Durations 1..`max_duration` us, delays 0..`max_delay` us, one task in six needs the GPU of every second node.
    """
    random = Random(seed)
    spec = tuple(
        Node(f"n{at}", Resources.of(CPU=random.choice([2, 4]), GPU=int(at % 2 == 0), memory=random.choice([4, 8])))
        for at in range(nodes)
    )
    made, objects = [], []
    for at in range(tasks):
        earlier = list(range(max(0, at - 8), at))
        inputs = random.sample(earlier, min(len(earlier), random.choice([0, 1, 1, 2, 2, 3])))
        demand = Resources.of(
            CPU=random.choice([1, 1, 1, 2]), GPU=int(random.random() < 1 / 6), memory=random.choice([0, 1, 2, 3])
        )
        made.append(
            Task(
                f"t{at}",
                random.randint(1, max_duration),
                demand,
                inputs=tuple(f"o{before}" for before in sorted(inputs)),
                outputs=(f"o{at}",),
            )
        )
        objects.append(Object(f"o{at}", random.randint(0, max_delay)))
    return Instance(
        spec,
        tuple(made),
        tuple(objects),
        bandwidth_bytes_per_s=BYTES_PER_US,
        name=f"heterogeneous-{tasks}x{nodes}-{seed}",
    )


def vectors(items: int, seed: int) -> Instance:
    """Actors of two resources to be packed on identical nodes, one node an actor; largest demands are 60 of 100."""
    random = Random(seed)
    node = Resources.of(CPU=100, memory=100)
    return Instance(
        tuple(Node(f"n{at}", node) for at in range(items)),
        occupants=tuple(
            Occupant(f"a{at}", Resources.of(CPU=random.randint(10, 60), memory=random.randint(10, 60)))
            for at in range(items)
        ),
        objective=Objective.PACKING,
        name=f"vectors-{items}-{seed}",
    )


def crowded(actors: int, nodes: int, seed: int) -> Instance:
    """Nodes filled with actors of two resources as long as they fit, and a pending one that fits nowhere as it is."""
    random = Random(seed)
    capacity = 100
    free = [[capacity, capacity] for _ in range(nodes)]
    occupants = []
    share = nodes / actors
    for at in range(actors):
        demand = [max(1, round(capacity * share * random.uniform(0.4, 1.4))) for _ in range(2)]
        fitting = [node for node in range(nodes) if all(map(le, demand, free[node]))]
        if not fitting:
            continue
        node = random.choice(fitting)
        free[node] = [left - amount for left, amount in zip(free[node], demand, strict=True)]
        occupants.append(
            Occupant(
                f"a{at}", Resources.of(CPU=demand[0], memory=demand[1]), f"n{node}", state_bytes=random.randint(1, 100)
            )
        )
    most = [min(capacity, max(left[at] for left in free) + 10) for at in range(2)]
    occupants.append(Occupant("new", Resources.of(CPU=most[0], memory=most[1])))
    return Instance(
        tuple(Node(f"n{at}", Resources.of(CPU=capacity, memory=capacity)) for at in range(nodes)),
        occupants=tuple(occupants),
        objective=Objective.MIGRATIONS,
        name=f"crowded-{actors}x{nodes}-{seed}",
    )
