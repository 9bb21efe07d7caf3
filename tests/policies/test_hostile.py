"""Policies that go wrong are found, named by the rule that they break, and never blamed on the model."""

from __future__ import annotations

from pathlib import Path

import pytest

from rayproof.check.simulation import Settings, prepare, simulate
from rayproof.errors import InputError
from rayproof.model.kernel import PolicyError, Verdict
from rayproof.policies import load_policy
from rayproof.properties.catalogue import CATALOGUE
from rayproof.recordings import read_recording
from rayproof.supervised.limits import Limits
from rayproof.verify import verify
from tests.policies.hostile import HOLDS, LARGE, REFUSED, SCOPES, SIMULATION, SMALL, Hostile
from tests.shared_data import EXAMPLES

TIGHT = Limits(call_cpu_s=0.5, load_cpu_s=1.5, idle_s=3.0, memory_mb=256)
"""Enough for whoever keeps the rules, and those who do not are done sooner."""


def rule_of(hostile: Hostile, folder: Path) -> str:
    """The rule that a policy breaks, where it is to break it."""
    file = folder / "policy.py"
    file.write_text(hostile.text, encoding="utf-8")
    try:
        policy = load_policy(str(file), TIGHT).policy
    except PolicyError as error:
        return error.rule
    except InputError:
        return REFUSED
    (done,) = verify([CATALOGUE[SCOPES.get(hostile.where, "sched-spread")]], policy=policy)
    if done.result.violation is not None:
        assert done.result.verdict is Verdict.VIOLATED
        assert all(sign.isprintable() for sign in done.result.violation.sentence)
        return done.result.violation.statement
    assert done.result.verdict is Verdict.HOLDS
    if hostile.where != SIMULATION:
        return HOLDS
    workload = prepare(read_recording(EXAMPLES / "recordings" / "01_default_short.jsonl"), None)
    return simulate(workload, policy, Settings(10**9, 50, 0), seeds=1).error.partition(":")[0] or HOLDS


@pytest.mark.parametrize("hostile", SMALL, ids=lambda hostile: hostile.name)
def test_one_policy_of_each_kind(hostile: Hostile, tmp_path: Path) -> None:
    assert rule_of(hostile, tmp_path) == hostile.rule


@pytest.mark.slow
@pytest.mark.parametrize("hostile", LARGE, ids=lambda hostile: hostile.name)
def test_many_more_policies(hostile: Hostile, tmp_path: Path) -> None:
    assert rule_of(hostile, tmp_path) == hostile.rule


def test_names_say_which() -> None:
    names = [hostile.name for hostile in (*SMALL, *LARGE)]
    assert len(names) == len(set(names)) >= 160
