"""Random families of instances, each a function of its sizes and a seed."""

from __future__ import annotations

from random import Random

from model.graph import Resources
from solver.instances.form import Instance, Node, Object, Task

BYTES_PER_US = 1_000_000
"""Bandwidth in bytes a second at which a byte takes a microsecond, so that sizes read as delays."""


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
