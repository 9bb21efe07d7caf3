"""A proposal that decides only some things: Ray's default decides the rest."""

from __future__ import annotations

from typing import Any

from rayproof.model.kernel import Name
from rayproof.model.scheduler.policy.built_in.default import Default
from rayproof.model.scheduler.policy.hooks import Choices, ClusterView, Policy, TaskView, policy_name


class Completed:
    """A proposal without `place`, with that of DEFAULT; its other hooks are its own."""

    def __init__(self, partial: object) -> None:
        self.partial = partial
        self.default = Default()
        self.name = policy_name(partial)
        self.memory = self.default.memory
        self.locality = self.default.locality

    def place(self, task: TaskView, view: ClusterView, memory: int, ctx: Choices) -> tuple[Name | None, int]:
        """As DEFAULT."""
        return self.default.place(task, view, memory, ctx)

    def __getattr__(self, name: str) -> Any:
        # Only what is not found above comes here: the hooks of the proposal.
        if name == "partial":
            raise AttributeError(name)
        return getattr(self.partial, name)


def with_defaults(proposal: object) -> Policy:
    """The proposal itself when it has `place`, else one that places as DEFAULT does."""
    return proposal if isinstance(proposal, Policy) else Completed(proposal)
