"""What a family of drawn scenarios is, and where its draws come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from rayproof.model.kernel import Scenario
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.swap import Swap
from rayproof.properties.entry import Edition

Pick: TypeAlias = Callable[[int], int]
"""`pick(n)`: one of 0 .. n - 1, where 0 is the simplest."""

Shape: TypeAlias = Mapping[str, Any]
"""A JSON document: strings, numbers, lists and objects with names in a fixed order."""


class ShapeError(ValueError):
    """A document that describes no scenario of its family."""


@dataclass(frozen=True)
class Family:
    """Scenarios of one kind."""

    name: str
    component: str
    edition: Edition
    draw: Callable[[Pick], Shape]
    build: Callable[[Shape, Policy | None, Swap], Scenario]
    """Raises `ShapeError`."""
    takes_policy: bool = False

    def scenario(self, shape: Shape, policy: Policy | None = None, swap: Swap | None = None) -> Scenario:
        """The scenario that a document describes; raises `ShapeError`."""
        try:
            return self.build(shape, policy, swap or {})
        except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
            raise ShapeError(f"no {self.name}: {type(error).__name__}: {error}") from None


def from_bytes(source: bytes) -> Pick:
    """Draws from bytes, one each; zeros once they are used up."""
    rest = iter(source)

    def pick(count: int) -> int:
        return next(rest, 0) % count

    return pick
