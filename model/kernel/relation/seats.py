"""Who acts in a global state that is changed in place, and what is between them."""

from __future__ import annotations

from collections import deque
from typing import Any

from rayproof.model.kernel.language.context import Armed
from rayproof.model.kernel.language.links import LinkKind, LinkRule
from rayproof.model.kernel.language.process import Message, Name, Process, Slot
from rayproof.model.kernel.language.sealed import sealed_process
from rayproof.model.kernel.language.steps import Deliver


class Seat:
    """A slot with the process that holds it now."""

    __slots__ = ("alive", "durable", "incarnation", "last", "links", "name", "process", "seen", "slot", "timers")

    def __init__(self, slot: Slot, process: Process) -> None:
        self.slot = slot
        self.name: Name = slot
        self.incarnation = 0
        self.process = process
        self.alive = True
        self.timers: Armed = {}
        self.durable: dict[str, Any] = {}
        self.links: dict[tuple[Name, str], Link] = {}
        """Links that the present process has used."""
        self.seen: Process | None = None
        """The process as statements are shown it; None when it may have changed since."""
        self.last: Process | None = None
        """The process as it was shown last."""

    def shown(self) -> Process:
        """The process, read-only, as it is now."""
        if self.seen is None:
            self.seen = self.last = sealed_process(self.process, self.last)
        return self.seen


class Link:
    """A link in use: its rule and the messages that wait."""

    __slots__ = ("immediate", "key", "queue", "rule", "sender", "service", "step", "to")

    def __init__(self, step: Deliver, rule: LinkRule, sender: Seat, to: Seat, service: bool) -> None:
        self.step = step
        self.key = (step.sender, step.receiver, step.channel)
        self.rule = rule
        self.immediate = rule.kind is LinkKind.IMMEDIATE
        self.sender = sender
        self.to = to
        self.service = service
        self.queue: deque[Message] = deque()

    def connected(self) -> bool:
        """Whether the process it leads to still lives."""
        return self.to.alive and (self.service or self.to.name == self.step.receiver)
