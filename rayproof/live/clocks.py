"""The clocks of several hosts on one time line, from messages between them.

A message arrives after it was sent. So, with clocks that differ by a constant, `received - sent` of any message from A
to B is at least the offset of B against A; the least of them bounds it from above, and the least the other way from
below. The middle is the estimate, half the distance its error. Source: D. Mills, RFC 5905 (NTP), section 8, clock
filter: of several round trips the shortest counts.

Left out: drift. Clocks that drift by more than the shortest round trip give bounds that cross, and are said to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush


@dataclass(frozen=True, slots=True)
class Message:
    """Something of one host that happened before something of another; each moment on its own host's clock (ns)."""

    sender: str
    sent: int
    receiver: str
    received: int


@dataclass(frozen=True, slots=True)
class Clock:
    """How a host's clock stands against the reference's."""

    offset_ns: int
    """What to take away from its readings."""
    error_ns: int | None
    """The offset is within this much, if clocks do not drift; None when messages do not bound it on both sides."""
    drifts: bool = False
    """Whether the bounds cross: no constant offset explains all messages."""


def align(messages: Iterable[Message], hosts: Iterable[str], reference: str) -> Mapping[str, Clock]:
    """The clock of each host against that of the reference.

    >>> there = Message("a", 100, "b", 5_130)
    >>> back = Message("b", 5_140, "a", 150)
    >>> align([there, back], ["a", "b"], "a")["b"]
    Clock(offset_ns=5010, error_ns=20, drifts=False)

    Over several hosts, errors add up along the way with the least sum. A host that nothing bounds keeps its own clock;
    one that is bounded on one side alone keeps it as far as the bound allows.
    """
    least: dict[tuple[str, str], int] = {}
    for message in messages:
        if message.sender != message.receiver:
            pair = (message.sender, message.receiver)
            delay = message.received - message.sent
            least[pair] = min(delay, least.get(pair, delay))
    found: dict[str, Clock] = {}
    ways: list[tuple[int, int, str, int, bool]] = [(0, 0, reference, 0, False)]
    while ways:
        error, hops, host, offset, drifts = heappop(ways)
        if host in found:
            continue
        found[host] = Clock(offset, error, drifts)
        for (sender, receiver), above in least.items():
            below = least.get((receiver, sender))
            if sender != host or below is None or receiver in found:
                continue
            width = above + below
            way = (error + abs(width) // 2, hops + 1, receiver, offset + (above - below) // 2, drifts or width < 0)
            heappush(ways, way)
    for host in sorted(set(hosts) - set(found)):
        above = min(
            (found[a].offset_ns + delay for (a, b), delay in least.items() if b == host and a in found), default=0
        )
        below = max(
            (found[b].offset_ns - delay for (a, b), delay in least.items() if a == host and b in found), default=0
        )
        found[host] = Clock(min(0, above) or max(0, below), None)
    return found
