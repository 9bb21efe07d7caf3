"""Errors, named by blame: the model's, the policy's, the file's. A broken property is a finding, not an error here."""

from __future__ import annotations


class ModelError(Exception):
    """The model breaks a rule of the kernel; the fault is ours, not the policy's and not the property's."""


class Unhandled(ModelError):
    """A message that no case of a `receive` handles."""

    def __init__(self, message: object) -> None:
        super().__init__(f"no case handles {message!r}")


class PolicyError(Exception):
    """A policy broke a rule of its hook.

    `rule` names the rule (`legal_answer`, `answer_type`, `deterministic`, `no_exception` ...); the text is one sentence
    that depends on nothing but the rule and the inputs, so that a replay prints it again byte for byte.
    """

    def __init__(self, rule: str, sentence: str) -> None:
        super().__init__(sentence)
        self.rule = rule


class TraceMismatch(Exception):
    """A recorded step that the model does not offer at that point."""

    def __init__(self, index: int, wanted: str, offered: tuple[str, ...]) -> None:
        self.index = index
        self.wanted = wanted
        self.offered = offered
        listing = "".join(f"\n    {line}" for line in offered) or "\n    nothing"
        super().__init__(
            f"step {index + 1} no longer fits the model: {wanted}\n  the model would have allowed:{listing}"
        )
