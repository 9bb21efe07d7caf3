"""How far simulated makespans on today's Ray are from real ones: DEFAULT on recordings, and six policies from one.

Needs the shared data (recordings, and makespans of live runs under six policies). Run as `python -m
benchmarks.fidelity`; the tables of docs/one-ray.md come from here.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from rayproof.check.simulation import BANDWIDTH, Decides, Settings, prepare, simulate
from rayproof.model.scheduler.policy.built_in import BUILT_IN
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.properties.entry import Edition
from rayproof.recordings import read_recording

DATA = Path(os.environ.get("RAYPROOF_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
SETTINGS = Settings(BANDWIDTH[Edition.RAY2], 0, 0)
SEEDS = 5


@dataclass(frozen=True)
class LoadAndShare:
    """Queue per CPU, and so much for the share of the inputs that would have to come from elsewhere."""

    name: str
    beta: float

    def place(self, task: Any, view: Any, memory: Any, ctx: Any) -> str:
        """The least of the scores."""

        def score(node: Any) -> float:
            share = view.remote_bytes(node.name) / view.input_bytes if view.input_bytes else 0
            return float(node.queue_length / max(1.0, node.total["CPU"]) + self.beta * share)

        return str(min(view.options, key=lambda node: (score(node), node.index)).name)


@dataclass(frozen=True)
class AnyNode:
    """A random one."""

    name: str = "rnd"

    def place(self, task: Any, view: Any, memory: Any, ctx: Any) -> str:
        """A fair draw."""
        return str(ctx.choose([node.name for node in view.options], random=True))


POLICIES: dict[str, Policy] = {
    "default": BUILT_IN["default"],
    "spread": BUILT_IN["spread"],
    "load": LoadAndShare("load", 0),
    "ab05": LoadAndShare("ab05", 0.5),
    "locality": LoadAndShare("locality", 1_000),
    "rnd": AnyNode(),
}


def recordings() -> None:
    """Simulated over recorded, for every recording without faults."""
    files = [*sorted((DATA / "ray-traces").glob("*.jsonl")), *sorted((DATA / "ray-runs" / "warm").glob("*.jsonl"))]
    near = count = 0
    print("| recording | recorded s | simulated s | ratio |\n|---|---|---|---|")
    for file in files:
        recording = read_recording(file)
        if recording.faults:
            continue
        figures = simulate(prepare(recording, None), BUILT_IN["default"], SETTINGS, seeds=SEEDS)
        assert figures.makespan_s is not None
        ratio = figures.makespan_s / recording.outcome.makespan_s
        count += 1
        near += abs(ratio - 1) <= 0.25
        spread = f"{figures.makespan_s:.2f} ({min(figures.makespans_s):.2f}-{max(figures.makespans_s):.2f})"
        print(f"| {file.stem} | {recording.outcome.makespan_s:.2f} | {spread} | {ratio:.2f} |")
    print(f"\nwithin 25 %: {near} of {count}\n")


def six_policies(decides: Decides) -> None:
    """From one recording of DEFAULT: the simulated median beside the real one, and the real range widened by 25 %."""
    real = json.loads((DATA / "ray-runs" / "pred" / "real_makespans.json").read_text(encoding="utf-8"))
    print(f"decided in the {decides}\n\n| | policy | real s | simulated s | in the range + 25 % | off by |")
    print("|---|---|---|---|---|---|")
    for workload in ("W1", "W2"):
        ready = prepare(read_recording(DATA / "ray-runs" / "pred" / f"{workload}_default_0.jsonl"), None)
        for name, policy in POLICIES.items():
            figures = simulate(ready, policy, replace(SETTINGS, decides=decides), seeds=SEEDS)
            assert figures.makespan_s is not None
            runs = real[workload][name]
            inside = 0.75 * min(runs) <= figures.makespan_s <= 1.25 * max(runs)
            off = max(figures.makespan_s / median(runs), median(runs) / figures.makespan_s)
            told = f"{median(runs):.2f} ({min(runs):.2f}-{max(runs):.2f})"
            answer = "yes" if inside else "no"
            print(f"| {workload} | {name} | {told} | {figures.makespan_s:.2f} | {answer} | {off:.2f}x |")
    print()


if __name__ == "__main__":
    recordings()
    six_policies(Decides.DRIVER)
    six_policies(Decides.RAYLET)
