"""Labels of nodes, and what a task says of them: a label selector, and the selectors it falls back to.

Source: Ray 2.60, `label_selector.h` and `label_selector.cc::AddConstraint` (`in`, `not_in`), `fallback_strategy.h`, and
`node_label_scheduling_policy.cc` (also whether a label is there).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from rayproof.model.graph.nodes import NodeSpec

NODE_ID_LABEL = "ray.io/node-id"
"""The label that each node has of itself."""

Labels: TypeAlias = tuple[tuple[str, str], ...]


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


Selector: TypeAlias = tuple[LabelConstraint, ...]
"""Constraints that must hold together; none of them: any node."""


def matches(constraints: Selector, labels: Labels) -> bool:
    """Whether every constraint holds of a node's labels."""
    if not constraints:
        return True
    known = dict(labels)
    return all(constraint.holds(known) for constraint in constraints)


def allowed_by(selectors: Iterable[Selector], labels: Labels) -> bool:
    """Whether a node satisfies one of a task's selectors, of which all but the first are fallbacks."""
    asked = tuple(selectors)
    return not asked or any(matches(selector, labels) for selector in asked)


def labels_of(node: NodeSpec) -> Labels:
    """A node's labels, with the one that Ray gives each node of itself."""
    return (*node.labels, (NODE_ID_LABEL, node.ray_id or node.id))


def written(selector: Selector) -> str:
    """A selector for people."""
    said = []
    for each in selector:
        match each.operator:
            case LabelOperator.IN | LabelOperator.NOT_IN:
                values = each.values[0] if len(each.values) == 1 else f"in({', '.join(each.values)})"
                said.append(f"{each.key}={'!' if each.operator is LabelOperator.NOT_IN else ''}{values}")
            case LabelOperator.EXISTS:
                said.append(each.key)
            case LabelOperator.DOES_NOT_EXIST:
                said.append(f"no {each.key}")
    return " and ".join(said) or "anywhere"


def selector_of(written: Mapping[str, str]) -> Selector:
    """A selector as `.options(label_selector=...)` takes it: values `x`, `!x`, `in(x, y)` and `!in(x, y)`, by key."""
    found = []
    for key, text in sorted(written.items()):
        negated, value = text.startswith("!"), text.removeprefix("!")
        listed = value.startswith("in(") and value.endswith(")")
        values = tuple(part.strip() for part in value[3:-1].split(",")) if listed else (value,)
        found.append(LabelConstraint(key, LabelOperator.NOT_IN if negated else LabelOperator.IN, values))
    return tuple(found)


def named_nodes(selectors: Iterable[Selector]) -> tuple[str, ...]:
    """The node ids that the first selector asks for (`GetHardNodeAffinityValues`)."""
    for selector in selectors:
        return tuple(
            value
            for constraint in selector
            if constraint.key == NODE_ID_LABEL and constraint.operator is LabelOperator.IN
            for value in constraint.values
        )
    return ()
