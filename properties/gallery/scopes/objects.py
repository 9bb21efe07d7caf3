"""Generic scopes of the object plane."""

from __future__ import annotations

from rayproof.model.kernel import Scenario
from rayproof.model.objects.ray2.admission import PullClass
from rayproof.model.objects.ray2.scenarios import Plane, plane
from rayproof.model.objects.ray2.worker import Job
from rayproof.model.swap import Swap
from rayproof.properties.objects.ray2.statements import OBJECTS


def store_scope(swap: Swap, ample: bool) -> Scenario:
    """One small store: makers, readers, a disk that fails, a reader that may die."""
    made_of = Plane(
        (9,) if ample else (2,),
        {"w": 1, "x": 1, "y": 1, "z": 2},
        (
            (0, (Job(makes=("x", "w")), Job(reads=("z",)))),
            (0, (Job(makes=("y",)), Job(makes=("z",)), Job(reads=("w", "y")))),
            (0, (Job(reads=("x",)), Job(reads=("y",)))),
        ),
        # One that only reads: what becomes of the objects of a dead maker is the owner's affair.
        crashes=("worker2",),
        failing_writes=2,
        calls_take_time=True,
    )
    return plane("generic-store", made_of, OBJECTS, swap)


def transfer_scope(swap: Swap, ample: bool) -> Scenario:
    """Four nodes that pull, one of which may die with the only copies."""
    made_of = Plane(
        (9, 9, 9, 9) if ample else (4, 2, 2, 1),
        {"x": 1, "y": 1, "z": 2},
        (
            (0, (Job(makes=("x", "y")),)),
            (1, (Job(reads=("x", "y")), Job(reads=("z",)))),
            (1, (Job(makes=("z",)), Job(reads=("x",), kind=PullClass.GET))),
            # Whoever makes a lost object again does so on another node than its readers'.
            (3, ()),
            (2, ()),
        ),
        again={"x": (3,), "y": (4,)},
        rebuild=(Job(reads=("x",), makes=("y",)), Job(makes=("x",))),
        crashes=("n0", "worker1"),
    )
    return plane("generic-transfer", made_of, OBJECTS, swap)
