"""Linearizability of client histories, key by key.

Source: Herlihy and Wing, "Linearizability: A Correctness Condition for Concurrent Objects", 1990; it is a local
property, so keys are judged apart. Decided while the history grows, after Wing and Gong 1993 and Lowe 2017 (late
linearization): an operation is placed no sooner than the first answer that needs it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from rayproof.model.gcs.chain.events import Answered, Invoked
from rayproof.model.gcs.chain.protocol import ABSENT, Datum
from rayproof.model.kernel import Name, StateView, always, first

Request: TypeAlias = tuple[Name, int]
Placed: TypeAlias = frozenset[tuple[Request, Datum]]
"""Operations that have taken effect and are not answered, with the answer they will get."""


@dataclass(frozen=True, slots=True)
class ClientHistories:
    """Monitor: what the register of each key may hold, given all that clients have asked and been told."""

    pending: tuple[Invoked, ...] = ()
    possible: tuple[tuple[str, frozenset[tuple[Datum, Placed]]], ...] = ()
    """By key: every value the register may have, with the operations already placed. None left: no explanation."""

    def observe(self, event: object) -> ClientHistories:
        """Fold one event."""
        match event:
            case Invoked():
                known = dict(self.possible)
                known.setdefault(event.key, frozenset({(ABSENT, frozenset())}))
                return replace(
                    self, pending=(*self.pending, event), possible=tuple(sorted(known.items(), key=lambda kv: kv[0]))
                )
            case Answered(client, number, value):
                asked = next(e for e in self.pending if (e.client, e.number) == (client, number))
                return self._answer(asked, value)
            case _:
                return self

    @property
    def unexplained(self) -> str | None:
        """A key for which no order of the operations explains all answers."""
        return first(key for key, possible in self.possible if not possible)

    def _answer(self, asked: Invoked, value: Datum) -> ClientHistories:
        """Keep the explanations in which the operation has taken effect with this answer."""
        request = (asked.client, asked.number)
        concurrent = [event for event in self.pending if event.key == asked.key]
        known = dict(self.possible)
        reached = set(known[asked.key])
        frontier = list(reached)
        while frontier:
            held, placed = frontier.pop()
            for event in concurrent:
                place = (event.client, event.number)
                if all(place != other for other, _ in placed):
                    after = held if event.value is None else event.value
                    found = (after, placed | {(place, after)})
                    if found not in reached:
                        reached.add(found)
                        frontier.append(found)
        known[asked.key] = frozenset(
            (held, placed - {(request, value)}) for held, placed in reached if (request, value) in placed
        )
        return ClientHistories(
            tuple(event for event in self.pending if event is not asked),
            tuple(sorted(known.items(), key=lambda kv: kv[0])),
        )


@always(source="Herlihy and Wing 1990, per key", monitors=(ClientHistories,))
def linearizable(view: StateView) -> str | None:
    """Some order of the operations explains all answers, and each lies between its request and its answer."""
    key = view.monitor(ClientHistories).unexplained
    return None if key is None else f"no order of the operations on {key} explains what clients were told"
