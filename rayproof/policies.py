"""Policies by what a user writes on the command line: a built-in name, a Python file, or module:Class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rayproof.model.kernel import PolicyError
from rayproof.model.scheduler.policy.built_in import BUILT_IN, with_defaults
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.supervised.limits import LIMITS, Limits
from rayproof.supervised.proxy import Supervised

T = TypeVar("T")


@dataclass(frozen=True)
class LoadedPolicy:
    """A policy with the words that name it."""

    spec: str
    """As the user wrote it; enough to load it again."""
    name: str
    policy: Policy
    source: Path | None = None
    """The file that its class is in; None for a built-in one."""


def load_policy(spec: str, limits: Limits = LIMITS) -> LoadedPolicy:
    """The policy that a specification names; raises `InputError`, and `PolicyError` when loading it breaks a rule.

    A file or module offers either an object called `policy`, or one class with at least one hook that is made without
    arguments. What it does not decide, Ray's default decides. A policy of ours runs here, any other in a process of
    its own, within the limits.
    """
    if spec in BUILT_IN:
        return LoadedPolicy(spec, spec, BUILT_IN[spec])
    proxy = Supervised(spec, limits)
    return LoadedPolicy(spec, proxy.name, with_defaults(proxy), proxy.source)


def supervisor(policy: object) -> Supervised | None:
    """What supervises a policy; None for one that runs in this process."""
    found = getattr(policy, "supervisor", None)
    return found if isinstance(found, Supervised) else None


def put_again(policy: object) -> PolicyError | None:
    """Put what a policy was asked since the last time to it again, in another process; the rule that this breaks.

    From then on the policy breaks that rule at that question, so that the same run again ends there.
    """
    found = supervisor(policy)
    return None if found is None else found.put_again()


def settled(policy: object, run: Callable[[], T]) -> T:
    """What a run comes to once the policy has answered its questions twice; run again where that breaks a rule."""
    result = run()
    return result if put_again(policy) is None else run()


def require_settled(policy: object) -> None:
    """Raise `PolicyError` when a policy answers otherwise what it was asked since the last time."""
    error = put_again(policy)
    if error is not None:
        raise error


def questions(policy: object) -> int | None:
    """How many different questions a policy has answered; None for one that runs in this process."""
    found = supervisor(policy)
    return None if found is None else found.questions
