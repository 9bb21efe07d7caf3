"""Links: who may be told what, in which order, and what can go wrong on the way."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TypeVar

from rayproof.model.kernel.language.errors import ModelError
from rayproof.model.kernel.language.process import Name, slot_of

T = TypeVar("T")

UNREACHABLE = "unreachable"
"""Channel on which a send to the dead comes back."""

DOWN = "down"
"""Channel of the failure detectors."""


CAPACITY = 64
"""Messages that wait on a link, where its rule does not say."""


class LinkKind(StrEnum):
    """How a link keeps its messages."""

    FIFO = "fifo"
    LATEST = "latest"
    """A new message replaces the waiting one (heartbeats, resource views)."""
    IMMEDIATE = "immediate"
    """Handled within the sender's step, after its handler has returned: the receiver counts as one unit with it."""


@dataclass(frozen=True, slots=True)
class LinkRule:
    """Declares links by pattern; the first rule that matches a link holds for it.

    Patterns are shell-style over slots and channels ("raylet*").
    """

    sender: str = "*"
    receiver: str = "*"
    channel: str = "*"
    kind: LinkKind = LinkKind.FIFO
    capacity: int = CAPACITY
    """More waiting messages than this are an error of the model: something is sent without bound."""
    lossy: bool = False
    duplicating: bool = False
    reply: bool = False
    """Replies of an RPC: one may be lost after the effect, and the requester is then told `Unreachable`."""
    unreachable: bool = True
    """Whether a sender learns that its receiver is dead or cut off; silence otherwise."""

    def overfull(self, link: str, message: object) -> ModelError:
        """What a message is reported as that finds as many waiting as the link may hold."""
        return ModelError(f"link {link} holds {self.capacity} messages, its capacity: {message!r} is one too many")


MERGE_LIMIT = 10_000
"""Orders in which the messages of several channels may come back; more are an error of the model."""


def merges(queues: Sequence[Sequence[T]], form_of: Callable[[T], Hashable]) -> list[tuple[T, ...]]:
    """All orders of several queues together that keep the order of each, equal ones (by their forms) once.

    They come depth first, taking from the queues in the order given.
    """
    begun: list[tuple[tuple[int, ...], tuple[T, ...], tuple[Hashable, ...]]] = [((0,) * len(queues), (), ())]
    for _ in range(sum(map(len, queues))):
        longer: dict[Hashable, tuple[tuple[int, ...], tuple[T, ...], tuple[Hashable, ...]]] = {}
        for taken, merged, forms in begun:
            for i, queue in enumerate(queues):
                if taken[i] < len(queue):
                    following = (*taken[:i], taken[i] + 1, *taken[i + 1 :])
                    form = (*forms, form_of(queue[taken[i]]))
                    longer.setdefault((following, form), (following, (*merged, queue[taken[i]]), form))
        if len(longer) > MERGE_LIMIT:
            raise ModelError(f"messages of {len(queues)} channels come back in more than {MERGE_LIMIT:,} orders")
        begun = list(longer.values())
    return list({forms: merged for _, merged, forms in reversed(begun)}.values())[::-1]


def connects(sender: Name, receiver: Name, senders: str, receivers: str) -> bool:
    """Whether a link leads from a slot of the one pattern to a slot of the other."""
    return fnmatchcase(slot_of(sender), senders) and fnmatchcase(slot_of(receiver), receivers)


NOTICE = LinkRule(unreachable=False)
"""The rule of the kernel's own channels."""


class RuleBook:
    """Finds the rule of a link. Each name is matched against each pattern once: a bit per rule says where it fits."""

    def __init__(self, rules: tuple[LinkRule, ...]) -> None:
        self._rules = (*rules, LinkRule())
        self._senders: dict[Name, int] = {}
        self._receivers: dict[Name, int] = {}
        self._channels: dict[str, int] = {}

    def rule(self, sender: Name, receiver: Name, channel: str) -> LinkRule:
        """The first rule that matches; plain links where none does."""
        if channel in (UNREACHABLE, DOWN):
            return NOTICE
        senders = self._senders.get(sender)
        if senders is None:
            senders = self._senders[sender] = self._fits(slot_of(sender), "sender")
        receivers = self._receivers.get(receiver)
        if receivers is None:
            receivers = self._receivers[receiver] = self._fits(slot_of(receiver), "receiver")
        channels = self._channels.get(channel)
        if channels is None:
            channels = self._channels[channel] = self._fits(channel, "channel")
        matching = senders & receivers & channels
        return self._rules[(matching & -matching).bit_length() - 1]

    def _fits(self, name: str, part: str) -> int:
        return sum(1 << i for i, rule in enumerate(self._rules) if fnmatchcase(name, getattr(rule, part)))
