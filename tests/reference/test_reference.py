"""Every driver of the kernel agrees with a second, plain text of the step relation, on drawn systems.

A failure prints the smallest system found that still differs, as a literal: `differences(System(...), seed)`.
"""

import pytest

from tests.reference.comparing import assert_no_difference, differences
from tests.reference.systems import Claim, System

SYSTEMS = 150
MORE = 2_000
BLOCK = 15


@pytest.mark.parametrize("first", range(0, SYSTEMS, BLOCK))
def test_drivers_agree_with_the_reference(first: int) -> None:
    for seed in range(first, first + BLOCK):
        assert_no_difference(seed)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(SYSTEMS, MORE, 50))
def test_drivers_agree_with_the_reference_on_many_more(first: int) -> None:
    for seed in range(first, first + 50):
        assert_no_difference(seed)


NEVER = Claim("always", ("Actor",), ("never", "Actor", "x", 1))

RACES = {
    "a link that repeats": System(
        (
            ("a", "Alpha", (("start", (("both", "b", "q", "p"),)),)),
            (
                "b",
                "Beta",
                (
                    ("p", (("both", "b", "p", "r"),)),
                    ("q", (("if", "kept", 1, ("add", "y")),)),
                    ("r", (("add", "kept"),)),
                ),
            ),
        ),
        links=((("sender", "b"), ("duplicating", True)),),
        claims=(Claim("always", ("Beta",), ("never", "Beta", "y", 1), each=True),),
    ),
    "somebody who comes back": System(
        (("a", "Alpha", (("down", (("answer", "q", ""),)),)), ("b", "Alpha", (("q", (("take", "x"),)),))),
        claims=(Claim("always", ("Actor",), ("equal", "Actor", "x", "y")),),
        faults=(("crash", 1),),
        crashable=("b",),
        recoverable=("a", "b"),
        services=("b",),
        watchers=(("b", ("a",)),),
    ),
    "a timer": System(
        (
            (
                "a",
                "Alpha",
                (
                    ("start", (("add", "y"), ("arm", "t", "ticks", 2))),
                    ("r", (("set", "y", 0),)),
                    ("t", (("take", "x"),)),
                ),
            ),
            ("c", "Alpha", (("start", (("send", "a", "r", ""),)),)),
        ),
        claims=(NEVER,),
    ),
    "a crash that leaves the disk": System(
        (
            (
                "a",
                "Alpha",
                (("start", (("arm", "t", "program", 1),)), ("t", (("both", "b", "p", "q"),))),
            ),
            (
                "b",
                "Beta",
                (
                    ("p", (("add", "kept"),)),
                    ("q", (("add", "kept"),)),
                    ("restart", (("if", "kept", 1, ("set", "x", 1)),)),
                ),
            ),
        ),
        links=((("unreachable", False),),),
        claims=(NEVER,),
        faults=(("crash", 1),),
        crashable=("b",),
        recoverable=("b",),
    ),
    "a crash that returns it": System(
        (
            (
                "a",
                "Alpha",
                (
                    ("start", (("arm", "t", "program", 1),)),
                    ("t", (("both", "b", "p", "q"),)),
                    ("r", (("set", "y", 1),)),
                    ("unreachable", (("if", "y", 1, ("set", "x", 1)),)),
                ),
            ),
            ("b", "Beta", (("q", (("answer", "r", ""),)),)),
        ),
        claims=(NEVER,),
        faults=(("crash", 1),),
        crashable=("b",),
    ),
    "a newer message of its link": System(
        (
            (
                "a",
                "Alpha",
                (
                    ("start", (("arm", "t", "program", 1),)),
                    ("t", (("send", "b", "p", ""), ("arm", "s", "program", 1))),
                    ("s", (("send", "b", "q", ""),)),
                ),
            ),
            ("b", "Beta", (("p", (("set", "y", 1),)), ("q", (("if", "y", 0, ("set", "x", 1)),)))),
        ),
        links=((("kind", "latest"),),),
        claims=(NEVER,),
    ),
    "a tick": System(
        (
            (
                "a",
                "Alpha",
                (
                    ("start", (("arm", "t", "ticks", 1),)),
                    (
                        "t",
                        (
                            ("if", "kept", 0, ("send", "b", "p", ""), ("arm", "s", "ticks", 1)),
                            ("if", "kept", 1, ("send", "b", "q", "u")),
                            ("set", "kept", 1),
                        ),
                    ),
                    ("s", (("arm", "t", "ticks", 1),)),
                ),
            ),
            (
                "b",
                "Beta",
                (
                    ("p", (("arm", "t", "ticks", 1),)),
                    ("t", (("set", "y", 1),)),
                    ("q", (("if", "y", 0, ("set", "x", 1)),)),
                ),
            ),
        ),
        claims=(NEVER,),
    ),
    "what the receiver says next": System(
        (
            (
                "a",
                "Alpha",
                (("start", (("send", "b", "p", ""), ("arm", "t", "program", 1))), ("t", (("send", "b", "q", "u"),))),
            ),
            ("b", "Beta", (("p", (("send", "c", "p", ""),)), ("q", (("send", "c", "q", ""),)))),
            ("c", "Gamma", (("q", (("if", "y", 0, ("set", "x", 1)),)), ("p", (("set", "y", 1),)))),
        ),
        claims=(NEVER,),
    ),
}
"""Systems that a reduction answers wrongly when it takes a message at once that races with what the name says."""


@pytest.mark.parametrize("race", RACES)
def test_what_races_with_something_else_is_not_taken_at_once(race: str) -> None:
    assert not differences(RACES[race])
