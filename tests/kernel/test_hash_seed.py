"""Nothing depends on the order of hashes."""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PROGRAM = """
import json
from rayproof.model.kernel import explore
from rayproof.model.kernel import campaign
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import build
from rayproof.check.simulation import Settings, prepare, simulate
from rayproof.recordings import read_recording
from rayproof.model.scheduler.policy.built_in import BUILT_IN
out = []
for name in ("cluster-3-3-0", "cluster-nested", "cluster-estimates", "chain-3-2-1"):
    result = explore(build(name))
    out.append((name, result.states, result.transitions, result.depth))
bug = BUGS["ignores_death_notices"]
scenario = build(bug.scenario, swap=bug.replaces)
out.append(str(explore(scenario).violation))
out.append(str(campaign(scenario, 50, 5).violation))
work = prepare(read_recording("examples/recordings/13_tree_reduce.jsonl"), None)
out.append(repr(simulate(work, BUILT_IN["default"], Settings(10**9, 50, 1), seeds=2)))
print(json.dumps(out))
"""


def run(seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=PROJECT, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_same_results_under_different_hash_seeds() -> None:
    assert run("1") == run("4242")
