"""What `--reduce` and `--only` ask for, and a scenario explored under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rayproof.errors import InputError
from rayproof.model.kernel import (
    Engine,
    Limits,
    Reduction,
    Report,
    Result,
    Scenario,
    Statement,
    explore,
    explore_reduced,
)
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.swap import Swap
from rayproof.properties.entry import Entry
from rayproof.properties.reductions import REDUCTIONS, gate_of

AUTO = "auto"
INTEGER_ENGINES = (Engine.AUTO, Engine.INTEGERS)
"""The only ones that know reductions."""


def wanted(option: str | None) -> tuple[Reduction, ...]:
    """The reductions that an option names, in the order given; raises `InputError`."""
    if option is None:
        return ()
    if option == AUTO:
        return tuple(REDUCTIONS.values())
    names = [name.strip() for name in option.split(",")]
    for name in names:
        if name not in REDUCTIONS:
            expected = f"{AUTO}, or one or more of {', '.join(REDUCTIONS)}, with commas"
            raise InputError("--reduce", None, f"unknown reduction {name!r}", expected)
    return tuple(REDUCTIONS[name] for name in dict.fromkeys(names))


def only(entries: Sequence[Entry], names: Sequence[str]) -> list[Entry]:
    """The entries with no other statements than those named, without entries that have none; raises `InputError`."""
    if not names:
        return list(entries)
    known = {entry.name: {s.name for s in entry.build(None, {}).statements} for entry in entries}
    for name in names:
        if not any(name in statements for statements in known.values()):
            listed = sorted(set().union(*known.values()))
            raise InputError("--only", None, f"no such statement {name!r} there", "one of " + ", ".join(listed))
    return [_restricted(entry, frozenset(names)) for entry in entries if known[entry.name] & set(names)]


def _restricted(entry: Entry, names: frozenset[str]) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        made = entry.build(policy, swap)
        return replace(made, statements=tuple(s for s in made.statements if s.name in names))

    return replace(entry, build=build)


def explore_entry(
    entry: Entry,
    scenario: Scenario,
    reductions: Sequence[Reduction],
    *,
    policy: Policy | None = None,
    swap: Swap | None = None,
    statements: Sequence[Statement] | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    on_progress: Report | None = None,
    engine: Engine = Engine.AUTO,
) -> Result:
    """Explore a scenario, under those of the reductions that pass their gate.

    `scenario`: what `entry` builds with `policy` and `swap`; the gate is built with the same.
    """
    gate = gate_of(entry)
    why = ""
    if engine not in INTEGER_ENGINES:
        why = f"the {engine} engine knows no reductions"
    elif gate is None:
        why = f"no tiny scope of the family of {entry.name} is known"
    if not reductions or gate is None or why:
        result = explore(scenario, statements, limits, on_progress, engine)
        return replace(result, reductions=tuple(f"{reduction.name}: refused, {why}" for reduction in reductions))
    asked = scenario.statements if statements is None else statements
    return explore_reduced(scenario, gate.build(policy, swap or {}), reductions, asked, limits, on_progress)
