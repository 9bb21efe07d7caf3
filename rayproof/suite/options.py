"""The options of `pytest properties/`, and the errors that a bad value ends in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom

import pytest
from hypothesis import settings
from hypothesis.errors import InvalidArgument

from rayproof.errors import InputError, expected_name
from rayproof.model.kernel import PolicyError, Statement
from rayproof.policies import LoadedPolicy, load_policy
from rayproof.properties.catalogue import ENTRIES
from rayproof.properties.entry import Edition
from rayproof.properties.suite.drawn import FAMILIES, from_bytes
from rayproof.properties.suite.shared import PROFILES

OUT = ".rayproof"
"""Folder of counterexamples, under the folder in which pytest was started."""


@dataclass(frozen=True)
class Options:
    """What the command line asked for."""

    policy: LoadedPolicy | None
    edition: Edition | None
    only: str | None
    seed: int
    out: Path
    profile: str


def add_options(parser: pytest.Parser) -> None:
    """All prefixed, so that they meet no other project's."""
    group = parser.getgroup("rayproof", "the property suite of rayproof")
    group.addoption(
        "--rayproof-policy", metavar="NAME|FILE|module:Class", help="Check this policy wherever a policy can be put in."
    )
    group.addoption("--rayproof-edition", metavar="paper|ray2", help="Only what belongs to one architecture.")
    group.addoption("--rayproof-only", metavar="STATEMENT", help="Only where this statement is checked, and only it.")
    group.addoption("--rayproof-seed", metavar="N", help="Seed of everything that is drawn (see the header).")
    group.addoption(
        "--rayproof-out", metavar="DIR", help=f"Folder for counterexamples, kept and replayed first (default: {OUT})."
    )


def require_profile(config: pytest.Config) -> None:
    """Raise `pytest.UsageError` when there is no profile of the name that was asked for."""
    name = config.getoption("--hypothesis-profile", None)
    if name is None:
        return
    try:
        settings.get_profile(name)
    except InvalidArgument:
        known = expected_name(name, PROFILES, ", ".join(PROFILES))
        raise pytest.UsageError(f"--hypothesis-profile: no profile {name!r}; expected {known}") from None


def read_options(config: pytest.Config) -> Options:
    """The options, checked; raises `pytest.UsageError` that says what was expected."""
    profile = settings.get_current_profile_name()
    if profile not in PROFILES:
        profile = "quick"
    edition = config.getoption("--rayproof-edition", None)
    if edition is not None and edition not in ("paper", "ray2"):
        raise pytest.UsageError(f"--rayproof-edition: {edition!r} is no edition; expected paper or ray2")
    return Options(
        _policy(config.getoption("--rayproof-policy", None)),
        None if edition is None else Edition(edition),
        _statement(config.getoption("--rayproof-only", None)),
        _seed(config, profile),
        _folder(config),
        profile,
    )


def _policy(spec: str | None) -> LoadedPolicy | None:
    if spec is None:
        return None
    try:
        return load_policy(spec)
    except InputError as error:
        raise pytest.UsageError(f"--rayproof-policy: {error}") from None
    except PolicyError as error:
        raise pytest.UsageError(f"--rayproof-policy: VIOLATED {error.rule}: {error}") from None


def all_statements() -> dict[str, Statement]:
    """Every statement that is checked somewhere, by name."""
    scenarios = [entry.build(None, {}) for entry in ENTRIES]
    scenarios += [family.scenario(family.draw(from_bytes(b""))) for family in FAMILIES.values()]
    return {statement.name: statement for scenario in scenarios for statement in scenario.statements}


def _statement(name: str | None) -> str | None:
    if name is None:
        return None
    known = all_statements()
    if name not in known:
        expected = expected_name(name, known, "one that `rayproof statements` lists")
        raise pytest.UsageError(f"--rayproof-only: no statement {name!r}; expected {expected}")
    return name


def _seed(config: pytest.Config, profile: str) -> int:
    workers: dict[str, int] = getattr(config, "workerinput", {})
    if "rayproof_seed" in workers:
        return workers["rayproof_seed"]
    text = config.getoption("--rayproof-seed", None)
    if text is None:
        # The two short profiles give the same answer each time; the long ones look elsewhere each time.
        return 0 if profile in ("quick", "ci") else SystemRandom().randrange(2**32)
    if not text.isdecimal():
        raise pytest.UsageError(f"--rayproof-seed: {text!r} is no seed; expected a whole number, 0 or more")
    return int(text)


def _folder(config: pytest.Config) -> Path:
    given = config.getoption("--rayproof-out", None)
    path = Path(config.invocation_params.dir, given or OUT)
    for there in (path, *path.parents):
        if there.exists() and not there.is_dir():
            raise pytest.UsageError(f"--rayproof-out: {there} is a file; expected a folder")
    return path
