"""`python -m benchmarks.detection`: which real defects the suite notices, with which driver and which abilities.

Every answer is written to a file as soon as it is there; what the file has is not done again. `--report` writes
`benchmarks/results/detection.md` from the file.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

from benchmarks.detection_report import report
from rayproof.model.kernel import Limits, Verdict, campaign, explore, walkable
from rayproof.properties.gallery.entries import GALLERY
from rayproof.properties.gallery.entry import GalleryEntry, Standing
from rayproof.properties.gallery.hunt import MANY_WALKS, MOST_STATES, Driver, hunt
from rayproof.properties.gallery.ladder import climb
from rayproof.properties.gallery.scopes import GENERIC_SCOPES
from rayproof.suite.fingerprints import model_fingerprint

RESULTS = Path(__file__).parent / "results" / "detection.json"
PAGE = Path(__file__).parent / "results" / "detection.md"

KINDS = ("directed", "walk", "explore", "correct", "ladder")

Job = tuple[str, Callable[[], Any]]


def jobs(args: argparse.Namespace) -> Iterator[Job]:
    """Everything there is to measure, by key."""
    expressible = [entry for entry in GALLERY.values() if entry.standing is Standing.EXPRESSIBLE]
    directed = [entry for entry in GALLERY.values() if entry.standing in (Standing.EXPRESSIBLE, Standing.KNOWN)]
    for entry in directed:
        yield f"directed {entry.id}", partial(_hunted, entry, Driver.DIRECTED, budget=args.walk_s)
    for seed in range(args.seeds):
        for entry in expressible:
            once = partial(
                _hunted, entry, Driver.WALK, seed=seed, budget=args.walk_s, minimal=seed == 0, shortest=False
            )
            yield f"walk {entry.id} {seed}", once
    for scope in GENERIC_SCOPES:
        yield f"correct {scope.name} walk", partial(_correct, scope, Driver.WALK, args.control_s, args.seeds)
    for entry in expressible:
        yield f"explore {entry.id}", partial(_hunted, entry, Driver.EXPLORE, budget=args.explore_s)
    for scope in GENERIC_SCOPES:
        yield f"correct {scope.name} explore", partial(_correct, scope, Driver.EXPLORE, args.explore_s)
    for entry in expressible:
        yield f"ladder {entry.id}", partial(_climbed, entry, args.rung_s)


def _hunted(entry: GalleryEntry, driver: Driver, **options: Any) -> dict[str, Any]:
    return asdict(hunt(entry, driver, **options))


def _climbed(entry: GalleryEntry, budget: float) -> dict[str, Any]:
    return asdict(climb(entry, budget=budget))


def _correct(scope: Any, driver: Driver, budget: float, seeds: int = 1) -> dict[str, Any]:
    """The correct model in a generic scope, checked for every statement; walks share the budget among the seeds."""
    scenario = scope.build({}, False)
    if driver is Driver.WALK:
        runs = [campaign(scenario, MANY_WALKS, s, walkable(scenario), cpu_s=budget / seeds) for s in range(seeds)]
    else:
        runs = [explore(scenario, walkable(scenario), Limits(MOST_STATES, cpu_s=budget))]
    return {
        "alarm": next((run.violation.statement for run in runs if run.violation is not None), ""),
        "exhausted": driver is Driver.EXPLORE and runs[0].verdict is not Verdict.UNDETERMINED,
        "steps": sum(run.transitions for run in runs),
        "states": runs[0].states,
        "walks": sum(run.walks for run in runs),
        "seeds": len(runs),
        "cpu_s": round(sum(run.cpu_s for run in runs), 2),
    }


def _settled(done: dict[str, Any], key: str, seeds: int) -> bool:
    """Whether half of the seeds have not found a defect, so that the median over all of them cannot be a kill."""
    kind, name, *_ = key.split()
    missed = [k for k, found in done.items() if k.startswith(f"walk {name} ") and found["result"] == "survived"]
    return kind == "walk" and len(missed) * 2 >= seeds


def main() -> None:
    """Measure what is missing, then write the page; or only the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=__doc__)
    parser.add_argument("--report", action="store_true", help="only write the page")
    parser.add_argument("--only", nargs="+", choices=KINDS, default=KINDS, help="kinds of measurements")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--seeds", type=int, default=10, help="of walks")
    parser.add_argument("--walk-s", type=float, default=60.0, help="CPU seconds of walks for each defect and seed")
    parser.add_argument("--explore-s", type=float, default=60.0, help="CPU seconds of explore for each defect")
    parser.add_argument("--control-s", type=float, default=60.0, help="CPU seconds of walks of each correct scope")
    parser.add_argument("--rung-s", type=float, default=10.0, help="CPU seconds on each rung of the ladder")
    args = parser.parse_args()
    done: dict[str, Any] = json.loads(args.results.read_text(encoding="utf-8")) if args.results.exists() else {}
    if not args.report:
        settings = {"walk": args.walk_s, "explore": args.explore_s, "correct": args.control_s, "ladder": args.rung_s}
        for key, job in jobs(args):
            if key in done or key.split()[0] not in args.only or _settled(done, key, args.seeds):
                continue
            started = process_time()
            budget = settings.get(key.split()[0], args.walk_s)
            done[key] = {**job(), "budget": budget, "model": model_fingerprint()}
            print(f"{key}: {done[key].get('result', '')} {process_time() - started:.1f} CPU s", flush=True)
            text = json.dumps(dict(sorted(done.items())), indent=0) + "\n"
            args.results.parent.mkdir(parents=True, exist_ok=True)
            args.results.write_text(text, encoding="utf-8")
    if args.report or set(args.only) == set(KINDS):
        args.page.write_text(report(done), encoding="utf-8")


if __name__ == "__main__":
    main()
