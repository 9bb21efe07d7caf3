"""Who acts in a global state that is changed in place, and what is between them."""

from __future__ import annotations

from collections import deque
from typing import Any

from rayproof.model.kernel.context import Armed
from rayproof.model.kernel.links import LinkKind, LinkRule
from rayproof.model.kernel.process import Message, Name, Process, Slot
from rayproof.model.kernel.steps import Deliver


class Seat:
    """A slot with the process that holds it now."""

    __slots__ = ("alive", "durable", "incarnation", "links", "name", "process", "slot", "timers")

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


class Link:
    """A link in use: its rule and the messages that wait."""

    __slots__ = ("immediate", "queue", "rule", "sender", "service", "step", "to")

    def __init__(self, step: Deliver, rule: LinkRule, sender: Seat, to: Seat, service: bool) -> None:
        self.step = step
        self.rule = rule
        self.immediate = rule.kind is LinkKind.IMMEDIATE
        self.sender = sender
        self.to = to
        self.service = service
        self.queue: deque[Message] = deque()

    def connected(self) -> bool:
        """Whether the process it leads to still lives."""
        return self.to.alive and (self.service or self.to.name == self.step.receiver)
