"""`python -m benchmarks.mutation`: can the suite fail? Seeded mutants of the protocols, and who notices each.

Mutants are Cosmic Ray's, of every module of `model/gcs`, `model/scheduler` and `model/lineage`, drawn without
repetition. A mutant is killed when one of the TINY scopes that run its line ends otherwise than without it: by a
statement, or by an error of the model (what a process does not understand, a broken contract of the kernel).
Survivors are put to the tests of their part (a message is a value, single handlers, Ray's own vectors, hand-
calculated placements, hooks), and then to the pinned counts of the scopes that have already run. Each has so many CPU
seconds in all, start included; one that runs out of them counts as killed only if its scopes need less than half of
that without it (an endless loop), otherwise as survived.

Annotations are left out beforehand: nothing evaluates them. Lines that no scope runs are not left out; those survive.
"""

from __future__ import annotations

import argparse
import ast
import json
import resource
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

try:
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator, operator_names
except ImportError:
    sys.exit("Cosmic Ray makes the mutants: pip install --editable '.[bench]' --constraint constraints.txt")

from benchmarks.mutation_report import PARTS, report, table
from rayproof.properties.catalogue import CATALOGUE, Scope

PROJECT = Path(__file__).resolve().parents[1]
RESULTS = PROJECT / "benchmarks" / "results" / "mutation.json"
PAGE = PROJECT / "benchmarks" / "results" / "mutation.md"
NEEDED = ("model", "properties", "benchmarks", "tests", "rayproof", "solver")
VECTORS = tuple(f"tests/scheduler/test_{name}.py" for name in ("ray_vectors", "ray_policies", "place"))
"""Chosen in one call and no protocol: Ray's own vectors and hand-calculated placements."""
HOOKS = ("properties/test_policies.py", "-k", "not walks and not migration")
SHAPES = ("tests/test_shapes.py",)
TESTS: Mapping[str, tuple[str, ...]] = {
    "model/scheduler/ray/": VECTORS,
    "model/scheduler/policy/built_in/": VECTORS,
    "model/scheduler/policy/hooks.py": VECTORS,
    "model/scheduler/paper/estimates.py": VECTORS,
    "model/scheduler/ray2/lease_manager.py": ("tests/scheduler/test_handlers.py", *SHAPES),
    "model/scheduler/ray2/group_manager.py": ("tests/scheduler/test_handlers.py", *SHAPES),
    "model/scheduler/": (*HOOKS, *SHAPES),
    "model/gcs/": ("tests/gcs/test_handlers.py", *SHAPES),
    "model/lineage/": ("tests/lineage/test_handlers.py", *SHAPES),
}
"""Tests of a part; the first prefix counts."""
TESTS_CPU_S = 3
"""What the tests are given of a mutant's CPU seconds."""


@dataclass(frozen=True)
class Mutant:
    """One change: the operator's `occurrence`-th place in a module."""

    module: str
    operator: str
    occurrence: int
    line: int

    def code(self, original: str) -> str:
        """The module with the change."""
        changed = mutate_code(original, get_operator(self.operator)(), self.occurrence)
        assert changed is not None
        return str(changed)


@dataclass(frozen=True)
class Fate:
    """Who noticed a mutant, if anybody."""

    mutant: Mutant
    killer: str | None
    """statement, error, loop, test, count; None: it survived."""
    scope: str | None
    detail: str
    change: str


def mutants() -> Iterator[Mutant]:
    """Every mutant, in a fixed order."""
    for folder in PARTS:
        for path in sorted((PROJECT / folder).rglob("*.py")):
            source = path.read_text(encoding="utf-8")
            hidden = _unobservable(source)
            tree = get_ast(source)
            for name in sorted(operator_names()):
                kind = get_operator(name)
                if kind.arguments():
                    continue
                places = [start for node in ast_nodes(tree) for start, _ in kind().mutation_positions(node)]
                for at, (line, column) in enumerate(places):
                    if not any(begin <= (line, column) < end for begin, end in hidden):
                        yield Mutant(path.relative_to(PROJECT).as_posix(), name, at, line)


def _unobservable(source: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Spans of annotations."""
    spans = []
    for node in ast.walk(ast.parse(source)):
        notes = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        for note in notes:
            if isinstance(note, ast.expr):
                assert note.end_lineno is not None and note.end_col_offset is not None
                spans.append(((note.lineno, note.col_offset), (note.end_lineno, note.end_col_offset)))
    return spans


def run(command: Sequence[str], tree: Path, cpu_s: float) -> subprocess.CompletedProcess[str]:
    """A Python command in a tree, with so many CPU seconds."""
    limit = max(1, round(cpu_s))
    return subprocess.run(
        [sys.executable, "-B", *command],
        cwd=tree,
        env={"PYTHONPATH": str(tree), "PYTHONHASHSEED": "0", "PATH": "/usr/bin:/bin"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )


def trial(scopes: Sequence[str], tree: Path, cpu_s: float, *flags: str) -> tuple[list[dict[str, Any]], int, str]:
    """What came of the scopes that ended, the exit code, and the end of what it said."""
    done = run(["-m", "benchmarks.mutation_trial", *flags, *scopes], tree, cpu_s)
    return [json.loads(line) for line in done.stdout.splitlines()], done.returncode, done.stderr[-300:]


class Trials:
    """The unchanged model's outcomes, and copies of the project in which mutants are tried."""

    def __init__(self, trees: Sequence[Path], cpu_s: float) -> None:
        self.cpu_s = cpu_s
        self.free: SimpleQueue[Path] = SimpleQueue()
        for tree in trees:
            for folder in NEEDED:
                shutil.copytree(PROJECT / folder, tree / folder, ignore=shutil.ignore_patterns("*.pyc"))
            shutil.copy(PROJECT / "pyproject.toml", tree)
            # What is not changed is compiled once.
            subprocess.run([sys.executable, "-m", "compileall", "-q", *NEEDED], cwd=tree, check=True)
            self.free.put(tree)
        names = [name for name, entry in CATALOGUE.items() if entry.scope is Scope.TINY]
        outcomes, code, said = trial(names, trees[0], 600)
        assert code == 0, said
        self.baseline = {each["scope"]: each for each in outcomes}
        self.running: dict[tuple[str, int], list[str]] = defaultdict(list)
        self.entering: dict[str, list[str]] = defaultdict(list)
        lines, code, said = trial(names, trees[0], 1200, "--lines")
        assert code == 0, said
        for each in sorted(lines, key=lambda each: self.baseline[each["scope"]]["cpu_s"]):
            for module, ran in each["lines"].items():
                self.entering[module].append(each["scope"])
                for line in ran:
                    self.running[module, line].append(each["scope"])

    def fate(self, mutant: Mutant) -> Fate:
        """Try one mutant in a tree of its own."""
        tree = self.free.get()
        path = tree / mutant.module
        original = path.read_text(encoding="utf-8")
        changed = mutant.code(original)
        try:
            path.write_text(changed, encoding="utf-8")
            killer, scope, detail = self._judged(mutant, tree)
        finally:
            path.write_text(original, encoding="utf-8")
            self.free.put(tree)
        before, after = original.splitlines(), changed.splitlines()
        at = next((i for i, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), 0)
        return Fate(mutant, killer, scope, detail, f"{before[at].strip()}  ->  {after[at].strip()}")

    def _judged(self, mutant: Mutant, tree: Path) -> tuple[str | None, str | None, str]:
        scopes = self._affordable(mutant)
        cpu_s = self.cpu_s - TESTS_CPU_S
        outcomes, code, said = trial(scopes, tree, cpu_s) if scopes else ([], 0, "")
        for outcome in outcomes:
            normal = self.baseline[outcome["scope"]]
            if outcome["verdict"] == "error":
                return "error", outcome["scope"], outcome["error"]
            broken = [name for name, verdict in outcome["statements"].items() if normal["statements"][name] != verdict]
            if broken or outcome["verdict"] != normal["verdict"]:
                return "statement", outcome["scope"], ", ".join(broken)
        if code > 0:
            return "error", None, said.strip().rpartition("\n")[2]
        if code < 0 and sum(self.baseline[name]["cpu_s"] for name in scopes) < cpu_s / 2:
            return "loop", None, f"more than {cpu_s} CPU s"
        tests = next(tests for part, tests in TESTS.items() if mutant.module.startswith(part))
        if run(["-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests], tree, TESTS_CPU_S).returncode > 0:
            return "test", None, ""
        for outcome in outcomes:
            if outcome["counts"] != self.baseline[outcome["scope"]]["counts"]:
                return "count", outcome["scope"], f"{self.baseline[outcome['scope']]['counts']} -> {outcome['counts']}"
        return None, None, f"{len(outcomes)} of {len(self._running(mutant))} scopes that run it"

    def _running(self, mutant: Mutant) -> list[str]:
        """Scopes that run the line, cheapest first; those that enter its module, if only importing runs it."""
        return self.running[mutant.module, mutant.line] or self.entering[mutant.module]

    def _affordable(self, mutant: Mutant) -> list[str]:
        """The cheapest of them; part of the CPU time is left for the tests and for what the change makes longer."""
        left = (self.cpu_s - TESTS_CPU_S) * 0.6
        chosen: list[str] = []
        for name in self._running(mutant):
            left -= self.baseline[name]["cpu_s"]
            if left < 0 and chosen:
                break
            chosen.append(name)
        return chosen


def main() -> None:
    """Draw, try, report; or report what was found before."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cpu", type=float, default=10.0, help="CPU seconds per mutant")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--report", action="store_true", help="only write the page")
    parser.add_argument("--results", type=Path, default=RESULTS, help="file of all runs; this one is added")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the page is written")
    arguments = parser.parse_args()
    runs = json.loads(arguments.results.read_text(encoding="utf-8")) if arguments.results.exists() else []
    if not arguments.report:
        runs = sorted(
            [*(run for run in runs if run["seed"] != arguments.seed), campaign(arguments)], key=lambda run: run["seed"]
        )
        arguments.results.write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")
    arguments.page.write_text(report(runs), encoding="utf-8")


def campaign(arguments: argparse.Namespace) -> dict[str, Any]:
    """Draw and try so many mutants; the score is printed."""
    every = list(mutants())
    drawn = sorted(
        Random(arguments.seed).sample(every, min(arguments.mutants, len(every))),
        key=lambda each: (each.module, each.line, each.operator, each.occurrence),
    )
    print(f"{len(drawn)} of {len(every)} mutants, seed {arguments.seed}", flush=True)
    with TemporaryDirectory() as folder:
        trials = Trials([Path(folder) / str(job) for job in range(arguments.jobs)], arguments.cpu)
        with ThreadPoolExecutor(arguments.jobs) as pool:
            fates = list(pool.map(trials.fate, drawn))
    told = [asdict(fate) for fate in fates]
    print("\n".join(table(told)))
    return {"seed": arguments.seed, "of": len(every), "cpu_s": arguments.cpu, "fates": told}


if __name__ == "__main__":
    main()
