"""Whole clusters of today's Ray, drawn: a program as the paper's cluster has it, on leases, with or without a policy.

The driver and its tasks submit, put, get, wait and cancel, make actors and call them. Raylets decide by the policy;
nodes crash or are drained, memory runs out. A request that arrives twice is left out: both of its answers would arrive,
which no client of Ray's sees.
"""

from __future__ import annotations

from dataclasses import replace

from rayproof.model.cluster.ray2 import TodayParameters, assemble
from rayproof.model.graph import ClusterSpec, NodeSpec, Resources
from rayproof.model.kernel import Scenario
from rayproof.model.scheduler.policy.built_in import BUILT_IN
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.swap import Swap
from rayproof.model.wire.ray2.rpc import Faults
from rayproof.properties.cluster.ray2.statements import PROGRESS, SAFETY, keeps_the_contract, waiting_workers_are_capped
from rayproof.properties.entry import Edition
from rayproof.properties.suite.drawn.family import Family, Pick, Shape
from rayproof.properties.suite.drawn.programs import DEPTH, ProgramDrawing, in_words, program_of

SIZES = (0, 1 << 20)
"""Sizes of objects in bytes: beside their references, and in object stores."""

RETRIES = (1, 0, 2)

SWITCHED = ("lost_requests", "lost_replies", "in_flight", "breaks")

_FAULTS: tuple[dict[str, int], ...] = (
    {},
    {"crashes": 1},
    {"crashes": 2},
    {"drain": 1},
    {"lost_requests": 1},
    {"lost_replies": 1},
    {"in_flight": 1},
    {"breaks": 1},
    {"overfill": 1},
)
"""One kind a run."""


def draw_today(pick: Pick) -> Shape:
    """A cluster with its program, perhaps a policy, and what may break."""
    faults = _FAULTS[pick(len(_FAULTS))]
    # A worker that is killed alone takes what it owns with it, which is not modelled: there tasks submit none.
    deepest = 0 if "overfill" in faults else DEPTH
    # An actor whose creator dies lives on here, and is not made anew by the creator's next attempt.
    makers = 0 if "crashes" in faults else DEPTH
    drawing = ProgramDrawing(pick, SIZES, deepest, makers, cancels=True, retries=RETRIES)
    cpus = [2, *(1 + pick(2) for _ in range(1 + pick(3)))]
    policies = ["", *BUILT_IN]
    shape = {
        "cpus": cpus,
        "policy": policies[pick(len(policies))],
        "requests": 1 + pick(2),
        "started": pick(3) != 2,
        "faults": faults,
        "driver": drawing.body("driver", 0, (), (), 3, 6),
    }
    return {**shape, "tasks": drawing.tasks, "objects": drawing.objects}


def build_today(shape: Shape, policy: Policy | None, swap: Swap) -> Scenario:
    """The scenario of a drawn cluster; `policy` stands in for the drawn one."""
    cpus, faults = shape["cpus"], shape["faults"]
    program = program_of(shape, len(cpus))
    cluster = ClusterSpec(tuple(NodeSpec(f"n{i}", Resources.of(CPU=cpu)) for i, cpu in enumerate(cpus)))
    drawn = BUILT_IN[shape["policy"]] if shape["policy"] else None
    last = len(cpus) - 1
    parameters = TodayParameters(
        policy=policy or drawn,
        repeats=1 if policy is None else 4,
        # A worker that waits keeps its process, and so does an actor, also one whose creator died and made it anew.
        workers=max(1, len(program.tasks) * (1 + faults.get("crashes", 0))),
        prestarted=None if shape["started"] else 0,
        most_requests=shape["requests"],
        crashes=faults.get("crashes", 0),
        faults=Faults(**{kind: faults[kind] for kind in SWITCHED if kind in faults}),
        drains=(last,) if "drain" in faults else (),
        overfills=(0, last) if "overfill" in faults else (),
    )
    statements = (keeps_the_contract(program), *SAFETY, *PROGRESS, waiting_workers_are_capped)
    made = assemble(TODAY_CLUSTER.name, program, cluster, parameters, statements, swap=swap)
    words = {"nodes": " ".join(f"n{i}[{cpu} CPU]" for i, cpu in enumerate(cpus)), "program": in_words(shape)}
    return replace(made, constants={**made.constants, **words})


TODAY_CLUSTER = Family("today-cluster", "cluster", Edition.RAY2, draw_today, build_today, takes_policy=True)
"""Drawn programs on drawn clusters of today's Ray."""
