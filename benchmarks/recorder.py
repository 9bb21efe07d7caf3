"""What `rayproof record` costs: no-op tasks and actor calls on real Ray, recorded and not, in turn.

`python -m benchmarks.recorder [PAIRS]`, with the extra `ray`. The driver submits no-op tasks and gets them, then calls
a no-op method as often; all workers are warm. Of each figure the median over the pairs is printed, and the ratio.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from rayproof.live.session import INJECTED, require_ray

TASKS = 2_000
PAIRS = 5

SCRIPT = f"""
import json, time, ray
ray.init(num_cpus=2, object_store_memory=150 * 2**20, include_dashboard=False, log_to_driver=False)

@ray.remote
def nothing():
    pass

@ray.remote
class Actor:
    def nothing(self):
        pass

actor = Actor.remote()
ray.get([actor.nothing.remote(), *(nothing.remote() for _ in range(200))])
began = time.perf_counter()
refs = [nothing.remote() for _ in range({TASKS})]
submitted = time.perf_counter()
ray.get(refs)
ended = time.perf_counter()
del refs
called = time.perf_counter()
ray.get([actor.nothing.remote() for _ in range({TASKS})])
answered = time.perf_counter()
print("figures", json.dumps({{
    "submit_us": 1e6 * (submitted - began) / {TASKS},
    "tasks_per_s": {TASKS} / (ended - began),
    "calls_per_s": {TASKS} / (answered - called),
}}))
"""


def run(script: Path, recorded: bool) -> dict[str, float]:
    """The figures of one run of the script."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
        if recorded:
            environment |= {"PYTHONPATH": str(INJECTED), "RAYPROOF_PROBE_DIR": folder}
        done = subprocess.run(
            [sys.executable, str(script)], env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=300
        )
    told = next(line for line in done.stdout.splitlines() if line.startswith("figures "))
    found: dict[str, float] = json.loads(told.removeprefix("figures "))
    return found


def main() -> None:
    """Print the figures."""
    require_ray()
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "nothing.py"
        script.write_text(SCRIPT, encoding="utf-8")
        plain, recorded = [], []
        for _ in range(pairs):
            plain.append(run(script, False))
            recorded.append(run(script, True))
    print(f"{'':12} {'plain':>10} {'recorded':>10} {'ratio':>7}   pairwise")
    for figure in plain[0]:
        ratios = [with_it[figure] / without[figure] for without, with_it in zip(plain, recorded, strict=True)]
        without, with_it = (median(run[figure] for run in runs) for runs in (plain, recorded))
        spread = f"{min(ratios):.2f}-{max(ratios):.2f}"
        print(f"{figure:12} {without:10.1f} {with_it:10.1f} {median(ratios):7.2f}   {spread}")


if __name__ == "__main__":
    main()
