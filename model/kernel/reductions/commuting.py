"""Whether deliveries that are taken at once race with each other: asked of all that a search has run.

A reduction that hurries deliveries puts them in an order of its own, so that the search never sees another. Two that
change one process must leave it in the same state in either order. Both orders are run here, from every state in which
the one was handled, for every two links of one sender, whose messages nothing keeps in order, and for links of two
senders where the other was handled in that state, too, or lay there beside (independence of transitions: Godefroid,
"Partial-Order Methods", 1996, definition 3.1).

Left out: stimuli and states that the reduced search has never met, the order of what is sent, and races with what is
not hurried; these are left to the gate, which compares.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator

from rayproof.model.kernel.language.errors import ModelError
from rayproof.model.kernel.relation.interning import Stimulus
from rayproof.model.kernel.relation.outcomes import Column
from rayproof.model.kernel.relation.transitions import Transitions

Handled = tuple[int, int, int]
"""Position of a link, state of its receiver, and message."""


def race(
    transitions: Transitions, hurried: Callable[[Column, int, int], bool], beside: Container[Handled] = frozenset()
) -> str:
    """Name two hurried deliveries that do not commute; empty when none was found.

    `hurried`: whether the delivery of a message over a link, in a state of its receiver, is one that is taken at once.
    `beside`: deliveries that were possible where another was hurried.
    """
    interner = transitions.interner
    early: dict[int, list[tuple[Column, int, int]]] = {}
    for link in list(transitions.packing.columns):
        early.setdefault(link.receiver, []).extend(
            (link, local, head) for local, head in list(link.entries) if hurried(link, local, head)
        )
    for column, several in early.items():
        messages = dict.fromkeys((link, head) for link, _, head in several)
        for link, local, head in several:
            first = ("receive", link.step.sender, head)
            for other, message in messages:
                at_once = (other.position, local, message) in beside or (local, message) in other.entries
                if other is link or not (at_once or other.step.sender == link.step.sender):
                    continue
                second = ("receive", other.step.sender, message)
                try:
                    commute = set(_both(transitions, column, local, first, second)) == set(
                        _both(transitions, column, local, second, first)
                    )
                except ModelError:
                    # One of the orders is none of the model's.
                    continue
                if not commute:
                    kind = type(interner.locals[column][local].process).__name__
                    return f"{kind} tells which of {interner.describe(first)} and {interner.describe(second)} is first"
    return ""


def _both(transitions: Transitions, column: int, local: int, one: Stimulus, other: Stimulus) -> Iterator[int]:
    """The states in which one stimulus after the other leaves a process, without a fault inside."""
    interner = transitions.interner
    calm = dict.fromkeys(transitions.packing.kinds, 0)
    for first in interner.results(column, local, one, calm):
        for then in interner.results(column, first.local, other, calm):
            yield then.local
