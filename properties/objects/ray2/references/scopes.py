"""Named scenarios of references."""

from __future__ import annotations

from collections.abc import Mapping

from rayproof.model.graph import Put
from rayproof.model.kernel import Scenario
from rayproof.model.objects.ray2.programs import Call, DropLocal, Function, ReadObject
from rayproof.model.objects.ray2.scenarios import references
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.swap import Swap
from rayproof.properties.entry import Edition, Entry, Scope
from rayproof.properties.objects.ray2.references.statements import REFERENCES


def _references(
    name: str, functions: Mapping[str, Function], owners: Mapping[str, str], *crashes: str, scope: Scope = Scope.TINY
) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        return references(name, functions, owners, REFERENCES, crashes=crashes, swap=swap)

    return Entry(name, "objects", Edition.RAY2, scope, build)


PASSED_ON = {
    "driver": Function((Put("x"), Call("a", "forward", ("x",), "r"), DropLocal("x"), ReadObject("r"), DropLocal("r"))),
    "forward": Function((Call("b", "read", ("x",), "s"), DropLocal("x"), DropLocal("s"))),
    "read": Function((ReadObject("x"), DropLocal("x"))),
}
"""The driver passes x to a, which passes it on to b and ends at once."""

NESTED = {
    "driver": Function((Call("w", "middle", (), "m"), ReadObject("m"), DropLocal("m"))),
    "middle": Function(
        (
            Call("p", "make", (), "r"),
            ReadObject("r"),
            Call("b", "read", ("y",), "s"),
            DropLocal("s"),
            DropLocal("y"),
            ReadObject("r"),
            ReadObject("y"),
            DropLocal("y"),
            DropLocal("r"),
        )
    ),
    "make": Function((Put("y"),), returns=("y",)),
    "read": Function((ReadObject("y"), DropLocal("y"))),
}
"""p returns r with a reference to its own y inside; w passes y on to b, forgets it, and takes it out of r again."""

REFERENCE_ENTRIES = (
    _references("references-passed-on", PASSED_ON, {"x": "driver", "r": "driver", "s": "a"}).sized(193, 445, 20),
    _references("references-borrower-dies", PASSED_ON, {"x": "driver", "r": "driver", "s": "a"}, "a").sized(
        1_333, 3_880, 24
    ),
    _references("references-owner-dies", PASSED_ON, {"x": "driver", "r": "driver", "s": "a"}, "driver").sized(
        651, 1_853, 20
    ),
    _references("references-nested", NESTED, {"m": "driver", "r": "w", "y": "p", "s": "w"}).sized(425, 1_140, 31),
    _references("references-nested-crash", NESTED, {"m": "driver", "r": "w", "y": "p", "s": "w"}, "p", "b").sized(
        25_657, 110_594, 35
    ),
)
"""Scenarios of references."""
