"""Named scenarios of the object plane."""

from __future__ import annotations

from rayproof.model.kernel import Scenario
from rayproof.model.objects.ray2.admission import PullClass
from rayproof.model.objects.ray2.scenarios import Plane, plane
from rayproof.model.objects.ray2.worker import Job
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.scheduler.policy.move_hooks import has_transfer
from rayproof.model.swap import Swap
from rayproof.properties.entry import Edition, Entry, Scope
from rayproof.properties.objects.ray2.statements import OBJECTS


def _plane(name: str, made_of: Plane, *idle: str, scope: Scope = Scope.TINY, transfers: bool = False) -> Entry:
    """`transfers`: whether a proposal may decide there what is sent next."""

    def build(policy: Policy | None, swap: Swap) -> Scenario:
        made = plane(name, made_of, OBJECTS, swap, policy if transfers and has_transfer(policy) else None)
        return Scenario(**{**vars(made), "expected_idle": frozenset(idle)})

    return Entry(name, "objects", Edition.RAY2, scope, build, transfers, hook="transfer" if transfers else "")


SPILLS, WAITS, PULLS = "an_object_is_spilled", "a_request_waits_for_room", "a_pull_is_under_way"


def _made_twice(policy: Policy | None, swap: Swap) -> Scenario:
    """Two workers of one node make the same object: the second is told that it exists."""
    jobs = ((0, (Job(makes=("x",)),)), (0, (Job(makes=("x",)),)))
    made = plane("store-made-twice", Plane((2,), {"x": 1}, jobs), OBJECTS, swap)
    idle = {"an_object_is_spilled", "a_request_waits_for_room", "a_pull_is_under_way"}
    return Scenario(**{**vars(made), "expected_idle": frozenset(idle)})


OBJECT_ENTRIES = (
    _plane(
        "store-two-makers",
        Plane(
            (1,),
            {"x": 1, "y": 1},
            ((0, (Job(makes=("x",)),)), (0, (Job(makes=("y",)), Job(reads=("x",))))),
            calls_take_time=True,
        ),
        PULLS,
    ),
    _plane(
        "store-failing-disk",
        Plane(
            (1,),
            {"x": 1, "y": 1},
            ((0, (Job(makes=("x",)), Job(makes=("y",)), Job(reads=("x",)))),),
            failing_writes=2,
            calls_take_time=True,
        ),
        PULLS,
    ),
    _plane(
        "store-two-returns",
        Plane((1,), {"x": 1, "y": 1}, ((0, (Job(makes=("x", "y")), Job(reads=("x",)))),), calls_take_time=True),
        PULLS,
    ),
    _plane(
        "store-large-behind-small",
        Plane((2,), {"a": 1, "b": 2, "c": 1}, ((0, (Job(makes=("a",)), Job(makes=("c",)))), (0, (Job(makes=("b",)),)))),
        PULLS,
    ),
    _plane(
        "store-larger-than-memory",
        Plane(
            (1,),
            {"x": 2, "y": 1},
            ((0, (Job(makes=("x",)), Job(reads=("x",)))), (0, (Job(makes=("y",)),))),
            fallback=True,
        ),
        PULLS,
    ),
    # Room outside of the capacity is given back, which makes none within it.
    _plane(
        "store-room-outside",
        Plane(
            (1,),
            {"x": 2, "y": 1, "z": 1},
            ((0, (Job(makes=("x",)),)), (0, (Job(makes=("y",)), Job(reads=("y",), makes=("z",))))),
            crashes=("worker0",),
            fallback=True,
        ),
        PULLS,
    ),
    # The second reader asks for what the first one has heard to be lost.
    _plane(
        "store-lost-for-two",
        Plane(
            (1,),
            {"x": 1},
            ((0, (Job(makes=("x",)),)), (0, (Job(reads=("x",)),)), (0, (Job(reads=("x",)),))),
            crashes=("worker0",),
            calls_take_time=True,
        ),
        SPILLS,
        WAITS,
        PULLS,
        scope=Scope.SMALL,
    ),
    _plane(
        "store-reader-dies",
        Plane(
            (2,),
            {"x": 1, "y": 1},
            ((0, (Job(makes=("x", "y")),)), (0, (Job(reads=("x", "y")),))),
            crashes=("worker1",),
            calls_take_time=True,
        ),
        SPILLS,
        WAITS,
        PULLS,
    ),
    _plane(
        "store-maker-dies",
        Plane(
            (1,),
            {"x": 1, "y": 1},
            ((0, (Job(makes=("x",)),)), (0, (Job(makes=("y",)), Job(reads=("x",))))),
            crashes=("worker0",),
            calls_take_time=True,
        ),
        PULLS,
    ),
    # What is made of a lost object fails, and so does who reads it.
    _plane(
        "store-cannot-be-made",
        Plane(
            (1, 2),
            {"x": 1, "y": 1},
            ((0, (Job(makes=("x",)),)), (1, (Job(reads=("x",), makes=("y",)),)), (1, (Job(reads=("y",)),))),
            crashes=("n0",),
        ),
        SPILLS,
        WAITS,
    ),
    _plane(
        "store-made-again",
        Plane(
            (1,),
            {"x": 1, "y": 1},
            ((0, (Job(makes=("x",)),)), (0, (Job(makes=("y",)), Job(reads=("x",)))), (0, ())),
            again={"x": (2,)},
            crashes=("worker0",),
        ),
        PULLS,
    ),
    _plane(
        "transfer-two-chunks",
        Plane((3, 3), {"x": 2, "y": 1}, ((0, (Job(makes=("x", "y")),)), (1, (Job(reads=("x", "y")),)))),
        SPILLS,
        WAITS,
        transfers=True,
    ),
    _plane(
        "transfer-two-pulls",
        Plane(
            (2, 2),
            {"x": 1, "y": 1},
            ((0, (Job(makes=("x", "y")),)), (1, (Job(reads=("x",)),)), (1, (Job(reads=("y",)),))),
        ),
        SPILLS,
        WAITS,
        transfers=True,
    ),
    # Each node needs what the other has spilled to make room for it.
    _plane(
        "transfer-both-ways",
        Plane(
            (1, 1),
            {"x": 1, "y": 1},
            ((0, (Job(makes=("x",)), Job(reads=("y",)))), (1, (Job(makes=("y",)), Job(reads=("x",))))),
        ),
    ),
    # A large object is asked for first, a small and urgent one while it is on its way.
    _plane(
        "transfer-urgent",
        Plane(
            (4, 4),
            {"x": 3, "y": 1},
            ((0, (Job(makes=("x", "y")),)), (1, (Job(reads=("x",)),)), (1, (Job(reads=("y",)),))),
            priorities={"y": 1},
        ),
        SPILLS,
        WAITS,
        transfers=True,
    ),
    # What has come for one who waits leaves again for a more urgent pull, before it could be taken.
    _plane(
        "transfer-displaced",
        Plane(
            (2, 1),
            {"x": 1, "y": 1},
            (
                (0, (Job(makes=("x", "y")),)),
                (1, (Job(reads=("x",), kind=PullClass.WAIT),)),
                (1, (Job(reads=("y",), kind=PullClass.GET),)),
            ),
        ),
        SPILLS,
        WAITS,
    ),
    _plane(
        "transfer-source-dies",
        Plane(
            (2, 2, 2),
            {"x": 2},
            ((0, (Job(makes=("x",)),)), (1, (Job(reads=("x",)),)), (2, (Job(reads=("x",), kind=PullClass.GET),))),
            crashes=("n0",),
        ),
        SPILLS,
        WAITS,
    ),
    # What is lost is made again on a node to which a copy of it is on its way.
    _plane(
        "transfer-made-again-here",
        Plane(
            (1, 2),
            {"x": 1},
            ((0, (Job(makes=("x",)),)), (1, (Job(reads=("x",)),)), (1, ())),
            again={"x": (2,)},
            rebuild=(Job(makes=("x",)),),
            crashes=("n0",),
        ),
        SPILLS,
        WAITS,
    ),
    _plane(
        "transfer-reader-dies",
        Plane(
            (1, 1, 1),
            {"x": 1, "y": 1},
            (
                (0, (Job(makes=("x",)),)),
                (1, (Job(reads=("x",)),)),
                (1, (Job(makes=("y",)),)),
                (2, (Job(reads=("y",)), Job(reads=("x",)))),
            ),
            crashes=("worker1",),
        ),
        scope=Scope.SMALL,
    ),
    _plane(
        "memory-rebuild",
        Plane(
            (2, 2, 1),
            {"a": 1, "b": 1, "c": 1},
            (
                (0, (Job(makes=("a", "c")),)),
                (2, (Job(makes=("b",)),)),
                (1, (Job(reads=("b", "c")),)),
                (1, ()),
            ),
            again={"b": (3,)},
            rebuild=(Job(reads=("a",), makes=("b",)),),
            crashes=("n2",),
        ),
        SPILLS,
    ),
    # Exists for the handlers of what exists already.
    Entry("store-made-twice", "objects", Edition.RAY2, Scope.TINY, _made_twice),
)
"""Scenarios of the component `objects`."""
