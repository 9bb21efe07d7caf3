"""No bound exceeds the optimum, and each argument is exact where the literature says so."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings

from rayproof.model.graph import Resources
from rayproof.solver.bounds import BoundKind, bounds, lower_bound
from rayproof.solver.instances import Instance, Node, Object, Task
from tests.solver.brute import least_makespan
from tests.solver.strategies import instances


@settings(max_examples=150, deadline=None)
@given(instances(max_tasks=5, max_nodes=2))
def test_every_bound_is_at_most_the_optimum(instance: Instance) -> None:
    optimum = least_makespan(instance)
    for bound in bounds(instance):
        assert bound.value_us <= optimum, bound


@settings(max_examples=60, deadline=None)
@given(instances(max_tasks=7, max_nodes=1))
def test_every_bound_is_at_most_the_optimum_on_one_node(instance: Instance) -> None:
    optimum = least_makespan(instance)
    for bound in bounds(instance):
        assert bound.value_us <= optimum, bound


def cpus(count: int, *tasks: Task) -> Instance:
    return Instance((Node("n", Resources.of(CPU=count)),), tasks)


ONE = Resources.of(CPU=1)


def test_a_chain_is_its_critical_path() -> None:
    bound = lower_bound(cpus(2, Task("a", 3, ONE), Task("b", 4, ONE, after=("a",)), Task("c", 5, ONE)))
    assert (bound.value_us, bound.kind, bound.certificate) == (7, BoundKind.CRITICAL_PATH, "critical: a -> b")


def test_independent_work_is_its_area() -> None:
    bound = lower_bound(cpus(2, *(Task(f"t{at}", 3, ONE) for at in range(4))))
    assert (bound.value_us, bound.kind) == (6, BoundKind.AREA)
    assert bound.certificate == "CPU on all nodes: 12 units x us of work over 2 units"


def test_tasks_too_large_to_share_a_node_queue() -> None:
    bound = lower_bound(cpus(3, *(Task(f"t{at}", 3, Resources.of(CPU=2)) for at in range(3))))
    assert bound.value_us == 9


def test_only_nodes_with_the_label_count() -> None:
    nodes = (Node("a", Resources.of(CPU=1), (("market", "spot"),)), Node("b", Resources.of(CPU=8)))
    tasks = tuple(Task(f"t{at}", 3, ONE, labels=(("market", "spot"),)) for at in range(3))
    assert lower_bound(Instance(nodes, tasks)).value_us == 9


def test_a_transfer_between_disjoint_nodes_is_certain() -> None:
    nodes = (Node("a", Resources.of(CPU=1)), Node("b", Resources.of(CPU=1, GPU=1)))
    made = Task("make", 2, ONE, outputs=("o",), allowed_nodes=("a",))
    for used, expected in (
        (Task("use", 3, Resources.of(GPU=1), inputs=("o",)), 9),
        (Task("use", 3, ONE, inputs=("o",)), 5),
    ):
        instance = Instance(nodes, (made, used), (Object("o", 4),), bandwidth_bytes_per_s=1_000_000)
        assert lower_bound(instance).value_us == expected


def test_an_interval_can_say_more_than_path_and_area() -> None:
    # Fernandez and Bussell: everything of the middle layer competes in the middle of the run.
    first, last = Task("first", 4, ONE), Task("last", 4, ONE, after=("m0", "m1", "m2"))
    middle = (Task(f"m{at}", 2, ONE, after=("first",)) for at in range(3))
    found = {bound.kind: bound.value_us for bound in bounds(cpus(2, first, *middle, last))}
    assert found[BoundKind.CRITICAL_PATH] == 10
    assert found[BoundKind.AREA] == 11 - 4
    assert found[BoundKind.FERNANDEZ_BUSSELL] == 11
    assert found[BoundKind.ENERGETIC] == 12


@settings(max_examples=60, deadline=None)
@given(instances(max_tasks=4, max_nodes=2, transfers=False))
def test_bytes_times_microseconds_do_not_overflow(instance: Instance) -> None:
    # The same instance in units as small as memory's and times as long as hours; the odd unit keeps them small.
    factor, scale = 40_000_000_000, 10_000_000_000
    large = replace(
        instance,
        tasks=tuple(
            replace(
                task,
                duration=task.duration * scale,
                release=task.release * scale,
                demand=larger(task.demand, factor, 1),
            )
            for task in instance.tasks
        ),
        nodes=tuple(replace(node, capacity=larger(node.capacity, factor, 99)) for node in instance.nodes),
    )
    optimum = least_makespan(instance)
    for bound in bounds(large):
        assert bound.value_us <= optimum * scale, bound


def larger(amounts: Resources, factor: int, more: int) -> Resources:
    return Resources.from_units({name: amount * factor + more for name, amount in amounts})


def test_an_interval_says_as_much_in_bytes_and_hours() -> None:
    # One byte apart, so that no common unit makes the numbers small.
    scale, memory, other = 10_000_000_000, Resources.of(memory=4_000_000_000), Resources.of(memory=4_000_000_001)
    first, last = Task("first", 4 * scale, memory), Task("last", 4 * scale, memory, after=("m0", "m1", "m2"))
    middle = tuple(Task(f"m{at}", 2 * scale, other, after=("first",)) for at in range(3))
    node = Node("n", Resources.of(memory=8_000_000_003))
    assert 11.99 * scale < lower_bound(Instance((node,), (first, *middle, last))).value_us <= 12 * scale
