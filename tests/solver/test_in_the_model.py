"""Solver and model agree: schedules replay, runs are schedules, abstract policies choose as the model's do."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from random import Random

import pytest

from rayproof.gaps.bursts import Chooser, Loads
from rayproof.gaps.replay import replay
from rayproof.gaps.running import heuristic, run_instance
from rayproof.model.graph import Resources
from rayproof.model.kernel import PolicyError
from rayproof.model.scheduler.policy.built_in import BUILT_IN, AlphaBeta, LeastLoad
from rayproof.model.scheduler.policy.hooks import Choices, ClusterView, TaskView
from rayproof.solver.gap import measure_gap
from rayproof.solver.instances import Instance, Node, Object, Task
from rayproof.solver.instances.families import chains, fan_out, heterogeneous, tiny
from rayproof.solver.makespan import Status, shortest_schedule
from rayproof.solver.schedules import Schedule, faults
from rayproof.solver.worst import ABSTRACT, Burst, alpha_beta, placed
from rayproof.solver.worst.burst import BurstTask
from rayproof.solver.worst.listing import Graph, list_starts

CPU = Resources.of(CPU=1)

# ---- policies of the model as heuristics ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_runs_are_schedules_no_shorter_than_the_optimum(name: str) -> None:
    # `measure_gap` refuses invalid schedules and makespans below the bound.
    gap = measure_gap(name, heuristic(BUILT_IN[name]), tiny(8))
    assert [row.status for row in gap.rows] == [Status.OPTIMAL] * 24
    assert gap.worst is not None and gap.worst.ratio > 1


def test_releases_precedence_labels_and_allowed_nodes_are_kept() -> None:
    instance = Instance(
        (Node("a", CPU), Node("b", CPU, (("zone", "x"),)), Node("c", CPU, (("zone", "x"),))),
        (
            Task("late", 2, CPU, release=5),
            Task("after", 1, CPU, after=("late",)),
            Task("zoned", 3, CPU, labels=(("zone", "x"),)),
            Task("pair", 3, CPU, allowed_nodes=("a", "c")),
            Task("pinned", 3, allowed_nodes=("c",)),
        ),
    )
    for policy in BUILT_IN.values():
        run = run_instance(instance, policy)
        assert not list(faults(instance, run.schedule))
        assert run.makespan_us == 8, "the release, and what comes after it"


def test_transfers_take_their_time_and_are_counted() -> None:
    instance = Instance(
        (Node("a", Resources.of(CPU=1, GPU=1)), Node("b", CPU)),
        (Task("make", 1, CPU, outputs=("o",), allowed_nodes=("b",)), Task("use", 1, Resources.of(GPU=1), ("o",))),
        (Object("o", 7),),
        bandwidth_bytes_per_s=3_000_000,
    )
    run = run_instance(instance, LeastLoad())
    assert (run.makespan_us, run.bytes_moved) == (1 + 3 + 1, 7), "7 bytes at 3 a microsecond, rounded up"


def test_a_policy_that_waits_for_ever_is_named() -> None:
    class Never:
        name = "never"

        def place(self, task: TaskView, view: ClusterView, memory: object, ctx: Choices) -> None:
            return None

    with pytest.raises(PolicyError, match="never lets scatter, t0"):
        run_instance(fan_out(2, 2, 0), Never())
    with pytest.raises(PolicyError, match="though every node is free"):
        placed(Burst((BurstTask(1),), 2), Chooser(Never()))


# ---- optimal schedules in the model --------------------------------------------------------------------------------


def meets_on_a_path(instance: Instance, schedule: Schedule) -> bool:
    """Whether, by the schedule, anything is sent from one node to another while an object travels there."""
    head = instance.nodes[0].id
    trips: set[tuple[str, str, int, int, str]] = set()
    sent: set[tuple[str, str, int]] = set()
    for task in instance.tasks:
        slot = schedule.slots[task.id]
        if slot.start and slot.node != head:
            # The replay's own: the word that a start has come is asked for and sent.
            sent |= {(slot.node, head, slot.start), (head, slot.node, slot.start)}
        for needed in task.inputs:
            maker = schedule.slots[instance.producer[needed]]
            made = maker.start + instance.task[instance.producer[needed]].duration
            if maker.node != slot.node:
                sent.add((slot.node, maker.node, made))
                trips.add((maker.node, slot.node, made, made + instance.transfer_us(needed), needed))
    return any(
        trip[:2] == (source, target) and trip[2] <= at < trip[3] for source, target, at in sent for trip in trips
    ) or any(
        one[:2] == other[:2] and one[2] <= other[2] < one[3] for one in trips for other in trips if one is not other
    )


def test_optimal_schedules_replay() -> None:
    """Start by start where nothing meets on a path; never shorter anywhere."""
    exact = delayed = 0
    for seed in range(60):
        for instance in (fan_out(5, 2, seed), chains(3, 3, 2, seed), heterogeneous(8, 3, seed)):
            best = shortest_schedule(instance)
            assert best.status is Status.OPTIMAL
            run = replay(instance, best.schedule)
            assert not list(faults(instance, run.schedule))
            assert run.makespan_us >= best.upper_us
            if meets_on_a_path(instance, best.schedule):
                delayed += run.makespan_us > best.upper_us
            else:
                assert run.schedule == best.schedule
                exact += 1
    assert exact >= 60 and delayed > 0


# ---- abstract policies beside the model's --------------------------------------------------------------------------

BURSTS = 1_500


def bursts(seed: int, transfers: bool = True) -> Iterator[Burst]:
    random = Random(seed)
    for _ in range(BURSTS):
        nodes = random.randint(1, 4)
        tasks = tuple(
            BurstTask(
                random.randint(0, 12),
                random.randrange(nodes),
                random.choice((0, random.randint(1, 12))) if transfers else 0,
            )
            for _ in range(random.randint(1, 7))
        )
        yield Burst(tasks, nodes)


def agreement(name: str, chooser: Chooser) -> int:
    """How many of the bursts the abstract policy and the model's place alike, task by task."""
    abstract = ABSTRACT[name]()
    return sum(placed(burst, abstract.choose) == placed(burst, chooser) for burst in bursts(1, abstract.has_transfers))


@pytest.mark.parametrize(
    ("name", "loads", "wide"),
    [
        ("lowest_estimated_wait", Loads.ESTIMATED, False),
        ("least_load", Loads.EXACT, False),
        ("earliest_completion", Loads.EXACT, False),
        ("alpha_beta", Loads.EXACT, False),
        ("spread", Loads.ESTIMATED, True),
        ("locality_first", Loads.ESTIMATED, True),
    ],
)
def test_the_model_chooses_as_the_abstract_policy(name: str, loads: Loads, wide: bool) -> None:
    assert agreement(name, Chooser(BUILT_IN[name], loads, wide)) == BURSTS


@pytest.mark.parametrize("name", ["least_load", "earliest_completion", "alpha_beta"])
def test_with_estimates_instead_of_true_loads_they_differ(name: str) -> None:
    """The abstract ones know how long each task runs, the model's only how many tasks wait and the average."""
    assert 0.5 * BURSTS < agreement(name, Chooser(BUILT_IN[name], Loads.ESTIMATED)) < 0.8 * BURSTS


@pytest.mark.parametrize("name", ["spread", "locality_first"])
def test_on_nodes_that_fill_up_they_differ(name: str) -> None:
    """Ray's policies pick among nodes with room; the abstract ones never find a node full."""
    assert 0.2 * BURSTS < agreement(name, Chooser(BUILT_IN[name])) < 0.8 * BURSTS


def test_lpt_is_least_load_asked_longest_first() -> None:
    """The model orders nothing before placement; asked in that order, its least load is lpt."""
    lpt, chooser = ABSTRACT["lpt"](), Chooser(BUILT_IN["least_load"], Loads.EXACT)
    for burst in bursts(2, transfers=False):
        ordered = Burst(tuple(sorted(burst.tasks, key=lambda task: -task.length)), burst.nodes)
        assert placed(ordered, lpt.choose) == placed(ordered, chooser)


@pytest.mark.parametrize(("alpha", "beta"), [(3, 1), (1, 3), (0, 1), (1, 0)])
def test_alpha_beta_at_other_weights(alpha: int, beta: int) -> None:
    abstract = alpha_beta(Fraction(alpha), Fraction(beta))
    chooser = Chooser(AlphaBeta(alpha, beta), Loads.EXACT)
    for burst in bursts(3):
        assert placed(burst, abstract.choose) == placed(burst, chooser)


def graphs(seed: int, edges: float) -> Iterator[Graph]:
    random = Random(seed)
    for _ in range(1_000):
        count = random.randint(2, 7)
        yield Graph(
            tuple(Fraction(random.randint(1, 9)) for _ in range(count)),
            tuple(tuple(one for one in range(at) if random.random() < edges) for at in range(count)),
            random.randint(1, 3),
        )


def started_in_the_model(graph: Graph) -> list[int]:
    """The starts of a graph's tasks under SPREAD, which takes any node with room."""
    tasks = tuple(
        Task(f"t{at}", int(length), CPU, after=tuple(f"t{one}" for one in graph.before[at]))
        for at, length in enumerate(graph.lengths)
    )
    run = run_instance(Instance(tuple(Node(f"n{at}", CPU) for at in range(graph.machines)), tasks), BUILT_IN["spread"])
    return [run.schedule.slots[task.id].start for task in tasks]


def test_list_is_any_policy_that_wants_room() -> None:
    """Without precedence exactly; with it the model serves the first to be ready, a list the first in it."""
    assert all(started_in_the_model(graph) == list(list_starts(graph)) for graph in graphs(4, edges=0))
    same = sum(started_in_the_model(graph) == list(list_starts(graph)) for graph in graphs(5, edges=0.4))
    assert 750 < same < 900
