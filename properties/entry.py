"""What the catalogue is made of: a scenario by name, with what can be put into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from rayproof.model.graph import ClusterSpec, NodeSpec, Program, Resources
from rayproof.model.kernel import Scenario
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.swap import Swap


class Edition(StrEnum):
    """The architecture of the paper, today's Ray, or what belongs to neither alone."""

    PAPER = "paper"
    RAY2 = "ray2"
    BOTH = "both"


class Scope(StrEnum):
    """How large: exhausted in seconds, or in minutes."""

    TINY = "tiny"
    SMALL = "small"


@dataclass(frozen=True)
class Entry:
    """A scenario by name. `build(policy, swap)` makes it, with a policy where it has one and planted bugs."""

    name: str
    component: str
    edition: Edition
    scope: Scope
    build: Callable[[Policy | None, Swap], Scenario]
    takes_policy: bool = False
    """Whether a policy can be put in: the scenarios on which proposals are checked."""
    workload: tuple[Program, ClusterSpec] | None = None
    """What runs on what, where the scenario is a program on a cluster: the solver can be asked about it."""
    hook: str = ""
    """The hook that the scenario is about; a policy without it changes nothing there."""

    def concerns(self, policy: object) -> bool:
        """Whether a policy is to be checked here: it can be put in, and has the hook."""
        return self.takes_policy and (not self.hook or callable(getattr(policy, self.hook, None)))


def equal_nodes(count: int, **amounts: float) -> ClusterSpec:
    """A cluster of equal nodes; one CPU each unless said otherwise."""
    total = Resources.from_amounts(amounts or {"CPU": 1})
    return ClusterSpec(tuple(NodeSpec(f"n{i}", total) for i in range(count)))
