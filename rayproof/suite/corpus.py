"""Counterexamples that were found before: replayed first, and passed over where they fit no longer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from rayproof.counterexamples import OWN, load, scenario_and_policy, shown
from rayproof.errors import InputError
from rayproof.model.kernel import TraceMismatch, Violation, replay, walkable
from rayproof.policies import settled
from rayproof.suite.fingerprints import Fingerprints


class Outcome(StrEnum):
    """What replaying an old counterexample showed."""

    BROKEN = "broken"
    FIXED = "fixed"
    STALE = "stale"


@dataclass(frozen=True)
class Replayed:
    """An old counterexample today."""

    outcome: Outcome
    text: str
    """Its print when it is still one; otherwise why not."""


def corpus(out: Path) -> list[Path]:
    """The counterexamples that are kept, in a fixed order."""
    return sorted((out / "corpus").glob("*.json"))


def again(path: Path, policy_spec: str | None, now: Fingerprints) -> Replayed:
    """Replay one with the policy of this session.

    Stale: found with another policy, or written by another version of the model or of the policy so that its steps are
    not offered any more.
    """
    try:
        trace = load(path)
        found_with = trace.parameters.get("policy")
        if found_with is not None and not _same(found_with, policy_spec):
            return Replayed(Outcome.STALE, f"found with the policy {found_with}, not with {policy_spec or 'none'}")
        scenario, policy = scenario_and_policy(trace, path, OWN)
        named = tuple(s for s in scenario.statements if s.name == trace.statement)
        broken = settled(policy, lambda: replay(scenario, trace.steps, named or None, trace.loop)).violation
        if broken is None:
            broken = replay(scenario, trace.steps, walkable(scenario)).violation
    except InputError as error:
        return Replayed(Outcome.STALE, str(error))
    except TraceMismatch:
        return Replayed(Outcome.STALE, f"its steps are not offered any more: {_what_changed(path, now)}")
    if broken is not None and broken.statement == trace.statement:
        return Replayed(Outcome.BROKEN, shown(trace, path, OWN).text)
    if broken is not None:
        return Replayed(Outcome.BROKEN, instead(path, trace.statement, broken))
    return Replayed(Outcome.FIXED, "breaks nothing any more")


def instead(path: Path, before: str, broken: Violation) -> str:
    """What to say of a run that breaks something else now."""
    return (
        f"VIOLATED {broken.statement}: {broken.sentence}\n"
        f"  by the run in {path}, which broke {before} before\n"
        f"  => after step {len(broken.steps)}: {broken.steps[-1].step if broken.steps else 'at the start'}\n"
    )


def _same(found_with: str, spec: str | None) -> bool:
    """Whether two specifications name one policy; the same file may be typed in several ways."""
    if spec is None or not (found_with.endswith(".py") and spec.endswith(".py")):
        return found_with == spec
    return Path(found_with).resolve() == Path(spec).resolve()


def _what_changed(path: Path, now: Fingerprints) -> str:
    before = load(path).parameters.get("found_with", {})
    changed = [
        f"the {what} has changed ({before.get(what) or 'none'} -> {value or 'none'})"
        for what, value in (("model", now.model), ("policy", now.policy))
        if before.get(what) != value
    ]
    return " and ".join(changed) or "model and policy are the same, so something outside them has changed"
