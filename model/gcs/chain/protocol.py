"""What clients, replicas and the master of a chain say to each other.

Source: van Renesse and Schneider 2004, sections 2 and 3; epochs, promises and request numbers are additions (see
`gcs.chain`, `gcs.master`). A request carries the whole configuration that its client used, where a real one would carry
the epoch and have the rest looked up.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TypeAlias

from rayproof.model.kernel import Message, Name

Key: TypeAlias = str

Datum: TypeAlias = Hashable
"""What a key holds: numbers in the scopes of the chain itself, rows of the tables where a cluster runs on it."""

ABSENT = 0
"""What a key holds before it is first written; nothing written equals it."""

EVERYTHING: Key = "*"
"""Begins a query of a whole shard, whose number follows: all keys with what they hold, in order. No key begins so."""


@dataclass(frozen=True, slots=True)
class Configuration(Message):
    """The master's word on who is in the chain."""

    epoch: int
    chain: tuple[Name, ...]
    """Head first."""
    joining: Name = ""
    """A replica that is being added behind the tail and serves nobody yet."""
    shard: str = ""
    """Whose chain it is, where clients know several."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One update as the replicas keep it; (client, number) is the request."""

    client: Name
    number: int
    key: Key
    value: Datum


@dataclass(frozen=True, slots=True)
class Write(Message):
    """A client's update, for the head."""

    configuration: Configuration
    number: int
    key: Key
    value: Datum


@dataclass(frozen=True, slots=True)
class Read(Message):
    """A client's query, for the tail."""

    configuration: Configuration
    number: int
    key: Key


@dataclass(frozen=True, slots=True)
class Lookup(Message):
    """Asks anybody for the configuration it knows."""


@dataclass(frozen=True, slots=True)
class Written(Message):
    """The tail's reply to an update."""

    number: int


@dataclass(frozen=True, slots=True)
class Value(Message):
    """The tail's reply to a query."""

    number: int
    value: Datum


@dataclass(frozen=True, slots=True)
class Refused(Message):
    """The asked replica has not this role in the configuration it knows."""

    number: int
    configuration: Configuration


@dataclass(frozen=True, slots=True)
class Update(Message):
    """Forwarded down the chain, predecessor to successor."""

    sequence: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class Stable(Message):
    """Acknowledged up the chain, successor to predecessor: the tail has all updates up to this one."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Resume(Message):
    """A replica's first word to a new predecessor: what it holds, and how much of it is known to be stable."""

    configuration: Configuration
    last: int
    stable: int


@dataclass(frozen=True, slots=True)
class Resend(Message):
    """The answer, in the answering replica's epoch: every update after `first`, and how many are known to be stable."""

    epoch: int
    first: int
    entries: tuple[Entry, ...]
    stable: int


@dataclass(frozen=True, slots=True)
class Seal(Message):
    """The master asks for the promise to serve no epoch before this one."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Sealed(Message):
    """The promise."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Join(Message):
    """A replica without state asks the master to be added."""


@dataclass(frozen=True, slots=True)
class Ready(Message):
    """A joining replica holds what the tail held when it was asked."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Joined(Message):
    """A new member holds all that was stable before it became one; it serves."""
