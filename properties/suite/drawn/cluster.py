"""Clusters that run drawn programs: driver, workers, raylets, global scheduler, stores, control store in one scenario.

Left out, because the assembly of a cluster does not have them: reservation of placement groups, cancellation, dropped
references, leases. Actors whose node dies are constructed again, and their methods replayed as far as they are needed.
"""

from __future__ import annotations

from dataclasses import replace

from rayproof.model.cluster.paper import ClusterParameters, assemble
from rayproof.model.gcs.paper.shards import Chains
from rayproof.model.graph import (
    ClusterSpec,
    NodeSpec,
    Resources,
)
from rayproof.model.kernel import FaultKind, Scenario, StatementKind
from rayproof.model.scheduler.paper.lowering import lowered
from rayproof.model.scheduler.policy.built_in import BUILT_IN
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.swap import Swap
from rayproof.properties.cluster.paper.scopes import WHOLE
from rayproof.properties.cluster.paper.statements import CHAINED
from rayproof.properties.entry import Edition
from rayproof.properties.scheduler.paper.statements import REPLICAS
from rayproof.properties.suite.drawn.family import Family, Pick, Shape
from rayproof.properties.suite.drawn.programs import ProgramDrawing, in_words, program_of

SIZES = (0, 1024, 8192)
"""Sizes of objects in bytes, over links of 1024 bytes a second."""

CHAINED_ONE_IN = 4
"""Clusters for one whose control store lies on chains: there each request of the store is many steps."""

_FAULTS: tuple[dict[str, int], ...] = (
    {},
    {"crash": 1},
    {"crash": 1, "truncate": 1},
    {"crash": 2, "truncate": 1},
    {"crash": 2},
)


def draw_cluster(pick: Pick) -> Shape:
    """A cluster with its program, its policy and what may break."""
    faults = _FAULTS[pick(len(_FAULTS))]
    drawing = ProgramDrawing(pick, SIZES)
    cpus = [2, *(1 + pick(2) for _ in range(1 + pick(3)))]
    shape = {
        "cpus": cpus,
        "boots": pick(4) == 3,
        "threshold": pick(3),
        "gcs": ("immediate", "messages")[pick(2)],
        "shards": 1 + pick(2) if pick(CHAINED_ONE_IN) == CHAINED_ONE_IN - 1 else 0,
        "schedulers": 1 + pick(4) // 3,
        "policy": list(BUILT_IN)[pick(len(BUILT_IN))],
        "faults": faults,
        "driver": drawing.body("driver", 0, (), (), 3, 6),
    }
    return {**shape, "tasks": drawing.tasks, "objects": drawing.objects}


# ---- building ------------------------------------------------------------------------------------------------------


def build_cluster(shape: Shape, policy: Policy | None, swap: Swap) -> Scenario:
    """The scenario of a drawn cluster; `policy` stands in for the drawn one."""
    cpus = shape["cpus"]
    program = program_of(shape, len(cpus))
    nodes = ClusterSpec(
        tuple(NodeSpec(f"n{i}", Resources.of(CPU=cpu)) for i, cpu in enumerate(cpus)), bandwidth_bytes_per_s=1024
    )
    faults = {FaultKind(kind): int(budget) for kind, budget in shape["faults"].items()}
    crashes = faults.get(FaultKind.CRASH, 0)
    shards = shape.get("shards", 0)
    parameters = ClusterParameters(
        policy=policy or BUILT_IN[shape["policy"]],
        threshold=shape["threshold"],
        # A worker that waits keeps its process: with fewer, a cluster of waiting parents would starve their children.
        workers=max(1, len(program.tasks)),
        immediate_store=shape["gcs"] == "immediate",
        # One replica more than can crash: of each shard one lives.
        chains=Chains(shards, crashes + 1, crashes, FaultKind.TRUNCATE in faults) if shards else None,
        schedulers=shape.get("schedulers", 1),
        crashes=crashes,
        task_us=5_000_000,
        booting=((len(cpus) - 1, 1_000_000),) if shape["boots"] else (),
        early_timeouts=0 if policy is None else 1,
        repeats=1 if policy is None else 4,
    )
    owed = tuple(s for s in (*WHOLE, *REPLICAS, *CHAINED) if policy is None or s.kind is not StatementKind.SOMETIMES)
    made = assemble(WHOLE_CLUSTER.name, lowered(program), nodes, parameters, owed, swap=swap)
    return replace(
        made,
        faults={**made.faults, **faults},
        constants={
            **made.constants,
            "nodes": _nodes(shape),
            "program": in_words(shape),
            "threshold": shape["threshold"],
            "schedulers": parameters.schedulers,
        },
    )


def _nodes(shape: Shape) -> str:
    """The nodes with what they have."""
    late = len(shape["cpus"]) - 1 if shape["boots"] else -1
    return " ".join(f"n{i}[{cpu} CPU{', boots late' if i == late else ''}]" for i, cpu in enumerate(shape["cpus"]))


WHOLE_CLUSTER = Family("whole-cluster", "cluster", Edition.PAPER, draw_cluster, build_cluster, takes_policy=True)
"""Drawn programs on drawn clusters."""
