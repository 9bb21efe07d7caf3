"""Makes a system smaller while it still shows the same kind of difference."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

from tests.reference.systems import Action, Claim, System

BARE = System(actors=())
PLAIN = Claim("always", (), ())


LISTS = ("claims", "actors", "links", "faults", "watchers", "cuttable", "crashable", "services", "busy", "units")


def smaller(system: System) -> Iterator[System]:
    """Systems with one part less, the larger parts first."""
    for name in LISTS:
        for fewer in _without_one(getattr(system, name)):
            yield _changed(system, name, fewer)
    for field in fields(System):
        if getattr(system, field.name) != getattr(BARE, field.name) and field.name not in ("actors", "claims"):
            yield _changed(system, field.name, getattr(BARE, field.name))
    for i, (slot, kind, book) in enumerate(system.actors):
        for fewer in _smaller_book(book):
            yield replace(system, actors=_with(system.actors, i, (slot, kind, fewer)))
        if kind != "Alpha":
            yield replace(system, actors=_with(system.actors, i, (slot, "Alpha", book)))
    for i, options in enumerate(system.links):
        for fewer in _without_one(options):
            yield replace(system, links=_with(system.links, i, fewer))
    for i, claim in enumerate(system.claims):
        for other in _smaller_claim(claim):
            yield replace(system, claims=_with(system.claims, i, other))
    for i, (slot, told) in enumerate(system.watchers):
        for fewer in _without_one(told):
            yield replace(system, watchers=_with(system.watchers, i, (slot, fewer)))
    for i, (fault, budget) in enumerate(system.faults):
        if budget > 1:
            yield replace(system, faults=_with(system.faults, i, (fault, 1)))


def _changed(system: System, name: str, value: Any) -> System:
    changes: dict[str, Any] = {name: value}
    return replace(system, **changes)


def _without_one(several: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    for i in range(len(several)):
        yield several[:i] + several[i + 1 :]


def _with(several: tuple[Any, ...], at: int, other: Any) -> tuple[Any, ...]:
    return (*several[:at], other, *several[at + 1 :])


def _smaller_book(book: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    yield from _without_one(book)
    for i, (occasion, actions) in enumerate(book):
        for fewer in _smaller_actions(actions):
            yield _with(book, i, (occasion, fewer))


def _smaller_actions(actions: tuple[Action, ...]) -> Iterator[tuple[Action, ...]]:
    yield from _without_one(actions)
    for i, action in enumerate(actions):
        if action[0] == "if":
            yield (*actions[:i], *action[3:], *actions[i + 1 :])
            for fewer in _smaller_actions(action[3:]):
                yield _with(actions, i, (*action[:3], *fewer))
        if action[0] in ("send", "answer", "serve", "pass") and action[-1]:
            yield _with(actions, i, (*action[:-1], ""))


def _smaller_claim(claim: Claim) -> Iterator[Claim]:
    if claim.holds[0] in ("not", "or", "and"):
        for inner in claim.holds[1:]:
            yield replace(claim, holds=inner)
    for i, part in enumerate(claim.holds):
        if type(part) is tuple and part and part[0] in ("not", "or", "and"):
            for inner in part[1:]:
                yield replace(claim, holds=_with(claim.holds, i, inner))
    for fewer in _without_one(claim.reads):
        yield replace(claim, reads=fewer)
    for name in ("monitors", "known", "links"):
        if getattr(claim, name) != getattr(PLAIN, name):
            yield replace(claim, **{name: getattr(PLAIN, name)})


def kind_of(difference: str) -> str:
    """What two differences of one kind have in common: the words, without numbers and details."""
    first = difference.partition("\n")[0]
    return re.sub(r"\d+|\(\(.*|\(\)|\[.*|\{.*|Finding.*|Violation.*|Taken.*", "", first)[:80]


def shrunk(system: System, differs: Callable[[System], str], tries: int = 3000) -> tuple[System, str]:
    """The smallest system found that differs in the same way, and its difference."""
    difference = differs(system)
    kind = kind_of(difference)
    found = True
    while found and tries > 0:
        found = False
        for candidate in smaller(system):
            tries -= 1
            try:
                other = differs(candidate)
            except Exception:  # What is left out may be what another part needs.
                continue
            if other and kind_of(other) == kind:
                system, difference, found = candidate, other, True
                break
            if tries <= 0:
                break
    return system, difference
