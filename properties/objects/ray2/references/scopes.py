"""Named scenarios of references."""

from __future__ import annotations

from collections.abc import Mapping

from rayproof.model.kernel import Scenario
from rayproof.model.objects.ray2.programs import Call, Drop, Function, Put, Read
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
    "driver": Function((Put("x"), Call("a", "forward", ("x",), "r"), Drop("x"), Read("r"), Drop("r"))),
    "forward": Function((Call("b", "read", ("x",), "s"), Drop("x"), Drop("s"))),
    "read": Function((Read("x"), Drop("x"))),
}
"""The driver passes x to a, which passes it on to b and ends at once."""

NESTED = {
    "driver": Function((Call("w", "middle", (), "m"), Read("m"), Drop("m"))),
    "middle": Function(
        (
            Call("p", "make", (), "r"),
            Read("r"),
            Call("b", "read", ("y",), "s"),
            Drop("s"),
            Drop("y"),
            Read("r"),
            Read("y"),
            Drop("y"),
            Drop("r"),
        )
    ),
    "make": Function((Put("y"),), returns=("y",)),
    "read": Function((Read("y"), Drop("y"))),
}
"""p returns r with a reference to its own y inside; w passes y on to b, forgets it, and takes it out of r again."""

REFERENCE_ENTRIES = (
    _references("references-passed-on", PASSED_ON, {"x": "driver", "r": "driver", "s": "a"}),
    _references("references-borrower-dies", PASSED_ON, {"x": "driver", "r": "driver", "s": "a"}, "a"),
    _references("references-owner-dies", PASSED_ON, {"x": "driver", "r": "driver", "s": "a"}, "driver"),
    _references("references-nested", NESTED, {"m": "driver", "r": "w", "y": "p", "s": "w"}),
    _references("references-nested-crash", NESTED, {"m": "driver", "r": "w", "y": "p", "s": "w"}, "p", "b"),
)
"""Scenarios of references."""
