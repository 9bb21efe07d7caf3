"""Label constraints.

Source: Ray 2.60, `label_selector.h` (`in`, `not_in`) and `node_label_scheduling_policy.cc` (also whether a label is
there). Left out: the parsing of selectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LabelOperator(StrEnum):
    """How a constraint reads a label."""

    IN = "in"
    NOT_IN = "not_in"
    EXISTS = "exists"
    DOES_NOT_EXIST = "does_not_exist"


@dataclass(frozen=True, slots=True)
class LabelConstraint:
    """One constraint; a list of them must hold together."""

    key: str
    operator: LabelOperator
    values: tuple[str, ...] = ()

    def holds(self, labels: dict[str, str]) -> bool:
        """Whether labels satisfy it; an absent label is in no list."""
        match self.operator:
            case LabelOperator.IN:
                return labels.get(self.key) in self.values
            case LabelOperator.NOT_IN:
                return self.key not in labels or labels[self.key] not in self.values
            case LabelOperator.EXISTS:
                return self.key in labels
            case LabelOperator.DOES_NOT_EXIST:
                return self.key not in labels


def matches(constraints: tuple[LabelConstraint, ...], labels: tuple[tuple[str, str], ...]) -> bool:
    """Whether every constraint holds of a node's labels."""
    if not constraints:
        return True
    known = dict(labels)
    return all(constraint.holds(known) for constraint in constraints)
