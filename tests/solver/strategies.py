"""Hypothesis strategies for small instances and programs."""

from __future__ import annotations

from hypothesis import strategies as st

from rayproof.model.graph import (
    Action,
    ClusterSpec,
    Compute,
    Default,
    Get,
    NodeAffinity,
    NodeSpec,
    ObjectSpec,
    Program,
    Put,
    Resources,
    Submit,
    TaskKind,
    TaskSpec,
    Wait,
)
from rayproof.model.graph.program import DRIVER
from rayproof.solver.instances import Group, GroupStrategy, Instance, Node, Object, Occupant, Task


@st.composite
def instances(
    draw: st.DrawFn, max_tasks: int = 5, max_nodes: int = 2, transfers: bool = True, max_duration: int = 5
) -> Instance:
    """Heterogeneous nodes, precedence with and without data, several tasks a node, releases, affinities."""
    nodes = [
        Node(
            f"n{at}",
            Resources.of(CPU=draw(st.integers(1, 3)), GPU=draw(st.sampled_from([0, 0, 1]))),
            (("zone", draw(st.sampled_from("ab"))),),
        )
        for at in range(draw(st.integers(1, max_nodes)))
    ]
    tasks, objects = [], []
    for at in range(draw(st.integers(1, max_tasks))):
        demand = Resources.of(CPU=draw(st.sampled_from([0, 0.5, 1, 1, 2, 3])), GPU=draw(st.sampled_from([0, 0, 0, 1])))
        if not any(demand.fits(node.capacity) for node in nodes):
            demand = Resources.of(CPU=1)
        fitting = [node.id for node in nodes if demand.fits(node.capacity)]
        allowed = draw(st.sampled_from([None, *[(name,) for name in fitting]]))
        before = draw(st.lists(st.sampled_from(range(at)), unique=True, max_size=2)) if at else []
        data = {earlier: draw(st.booleans()) for earlier in before}
        tasks.append(
            Task(
                f"t{at}",
                draw(st.integers(0, max_duration)),
                demand,
                inputs=tuple(f"o{earlier}" for earlier in before if data[earlier]),
                outputs=(f"o{at}",),
                after=tuple(f"t{earlier}" for earlier in before if not data[earlier]),
                release=draw(st.sampled_from([0, 0, 0, 2])),
                allowed_nodes=allowed,
            )
        )
        objects.append(Object(f"o{at}", draw(st.integers(0, 4))))
    bandwidth = draw(st.sampled_from([None, 1_000_000, 500_000])) if transfers else None
    return Instance(tuple(nodes), tuple(tasks), tuple(objects), bandwidth_bytes_per_s=bandwidth)


@st.composite
def programs(draw: st.DrawFn, max_tasks: int = 6) -> Program:
    """Nested tasks that compute, submit, block and put; sometimes one actor that anyone may call."""
    count = draw(st.integers(1, max_tasks))
    names = [f"t{at}" for at in range(count)]
    parent = [draw(st.sampled_from([DRIVER, *names[:at]])) for at in range(count)]
    with_actor = draw(st.booleans())
    tasks: dict[str, TaskSpec] = {}
    objects: list[str] = []
    objects.extend(f"r{at}" for at in range(count))
    for at, name in reversed(list(enumerate(names))):
        kind, actor = TaskKind.NORMAL, None
        if with_actor and at and draw(st.booleans()):
            kind, actor = TaskKind.ACTOR_METHOD, "a"
        # Siblings submitted earlier are safe to depend on: they never wait for later ones.
        earlier = [f"r{other}" for other in range(at) if parent[other] == parent[at]]
        inputs = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=2)) if earlier else []
        put = (f"p{at}",) if draw(st.booleans()) else ()
        objects.extend(put)
        tasks[name] = TaskSpec(
            name,
            tuple(inputs),
            (f"r{at}",),
            Resources.of(CPU=draw(st.sampled_from([0.5, 1, 1, 2])), GPU=draw(st.sampled_from([0, 0, 1]))),
            _body(draw, [f"t{other}" for other in range(count) if parent[other] == name], put),
            NodeAffinity("n0") if draw(st.integers(0, 4)) == 0 else Default(),
            kind=kind,
            actor=actor,
        )
    ordered = {name: tasks[name] for name in names}
    driver = _body(draw, [f"t{at}" for at in range(count) if parent[at] == DRIVER], ())
    if with_actor:
        ordered["make"] = TaskSpec(
            "make", body=(Compute(draw(st.integers(0, 3))),), kind=TaskKind.ACTOR_CREATION, actor="a"
        )
        driver = (Submit("make"), *driver)
    return Program(ordered, {name: ObjectSpec(name) for name in objects}, driver)


def _body(draw: st.DrawFn, children: list[str], puts: tuple[str, ...]) -> tuple[Action, ...]:
    actions: list[Action] = []
    known: list[str] = []
    for child in children:
        actions.append(Compute(draw(st.integers(0, 4))))
        actions.append(Submit(child))
        known.append(child.replace("t", "r"))
        if draw(st.integers(0, 2)) == 0:
            actions.append(Get((draw(st.sampled_from(known)),)))
    actions.extend(Put(name) for name in puts)
    actions.append(Compute(draw(st.integers(0, 5))))
    if bool(known) and draw(st.booleans()):
        ends: list[Action] = [Get(tuple(known)), Wait(tuple(known), 1), Wait(tuple(known), len(known))]
        actions.append(draw(st.sampled_from(ends)))
        actions.append(Compute(draw(st.integers(0, 3))))
    return tuple(actions)


def clusters() -> st.SearchStrategy[ClusterSpec]:
    """One or two nodes on which every task of `programs` fits the first."""
    return st.builds(
        lambda cpus, more: ClusterSpec(
            (
                NodeSpec("n0", Resources.of(CPU=cpus, GPU=1)),
                *([NodeSpec("n1", Resources.of(CPU=more))] if more else []),
            )
        ),
        st.integers(2, 4),
        st.integers(0, 2),
    )


@st.composite
def clusters_with_occupants(draw: st.DrawFn, max_occupants: int = 5, settled: bool = False) -> Instance:
    """Actors, placement groups and fractional GPUs on two or three nodes; with `settled`, most sit where they fit."""
    nodes = [
        Node(
            f"n{at}",
            Resources.of(CPU=draw(st.integers(1, 4)), GPU=draw(st.integers(0, 2))),
            (("zone", draw(st.sampled_from("ab"))),),
        )
        for at in range(draw(st.integers(2, 3)))
    ]
    free = {node.id: node.capacity for node in nodes}
    occupants = []
    for at in range(draw(st.integers(1, max_occupants))):
        demand = Resources.of(
            CPU=draw(st.sampled_from([0, 0.5, 1, 1, 2])), GPU=draw(st.sampled_from([0, 0, 0, 0.4, 0.6, 1]))
        )
        # A fraction of a GPU sits nowhere at first: which device it would hold is not part of the form.
        whole = demand["GPU"] % 10_000 == 0
        fitting = [node.id for node in nodes if demand.fits(free[node.id])] if settled and whole else []
        node = draw(st.sampled_from([None, *fitting, *fitting]))
        if node is not None:
            free[node] = free[node] - demand
        occupants.append(
            Occupant(
                f"a{at}",
                demand,
                node,
                state_bytes=draw(st.integers(0, 9)),
                movable=draw(st.integers(0, 3)) > 0,
                labels=(("zone", "a"),) if draw(st.integers(0, 5)) == 0 else (),
            )
        )
    groups = []
    if len(occupants) > 1 and draw(st.booleans()):
        bundles = draw(
            st.lists(st.sampled_from([item.id for item in occupants if item.node is None] or [""]), unique=True)
        )
        if bundles and "" not in bundles:
            groups.append(Group("g", draw(st.sampled_from(list(GroupStrategy))), tuple(bundles)))
    return Instance(tuple(nodes), occupants=tuple(occupants), groups=tuple(groups))
