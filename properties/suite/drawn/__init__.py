"""Scenarios that are drawn: a program, a cluster and the faults that may strike, from whoever makes the draws.

A drawn scenario is described by a small JSON document, enough to carry a counterexample out again. The same
function draws from bytes (volume) and from Hypothesis (a readable machine).
"""

from rayproof.properties.suite.drawn.cluster import WHOLE_CLUSTER
from rayproof.properties.suite.drawn.family import Family, ShapeError, from_bytes
from rayproof.properties.suite.drawn.owned_cluster import OWNED_PROGRAMS
from rayproof.properties.suite.drawn.owner import OWNER_PROGRAMS
from rayproof.properties.suite.drawn.plane import OBJECT_PLANE
from rayproof.properties.suite.drawn.today_cluster import TODAY_CLUSTER

FAMILIES: dict[str, Family] = {
    family.name: family for family in (WHOLE_CLUSTER, TODAY_CLUSTER, OWNED_PROGRAMS, OWNER_PROGRAMS, OBJECT_PLANE)
}
"""Every family of drawn scenarios."""

__all__ = ["FAMILIES", "Family", "ShapeError", "from_bytes"]
