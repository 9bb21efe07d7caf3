"""One trial of a mutant: check scopes, one JSON line each; run in a process of its own with a limit on CPU time.

`python -m benchmarks.mutation_trial SCOPE...`; `--lines FOLDER...` also says which lines of the folder each scope ran.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from coverage import Coverage

from rayproof import model
from rayproof.model.kernel import explore
from rayproof.properties.catalogue import CATALOGUE

MODEL = Path(model.__path__[0])


def tried(name: str) -> dict[str, Any]:
    """What came of one scope; a defect of the model that stops the search is an outcome too."""
    entry = CATALOGUE[name]
    started = time.process_time()
    try:
        result = explore(entry.build(None, {}))
        outcome: dict[str, Any] = {
            "verdict": result.verdict,
            "statements": {each.name: each.verdict for each in result.statements},
            "counts": [result.states, result.transitions, result.depth],
        }
    except Exception as error:
        outcome = {
            "verdict": "error",
            "statements": {},
            "counts": [],
            "error": f"{type(error).__name__}: {error}"[:200],
        }
    return {"scope": name, **outcome, "cpu_s": time.process_time() - started}


def ran(name: str) -> dict[str, list[int]]:
    """Module -> lines of `model` that a scope runs, beyond those that importing runs."""
    watch = Coverage(data_file=None, config_file=False, include=[f"{MODEL}/*"])
    watch.start()
    try:
        tried(name)
    finally:
        watch.stop()
    data = watch.get_data()
    lines = {Path(file).relative_to(MODEL.parent).as_posix(): data.lines(file) for file in data.measured_files()}
    return {module: sorted(ran) for module, ran in lines.items() if ran}


def main() -> None:
    """Print one line per scope, as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scopes", nargs="+")
    parser.add_argument("--lines", action="store_true")
    arguments = parser.parse_args()
    for name in arguments.scopes:
        print(json.dumps({"scope": name, "lines": ran(name)} if arguments.lines else tried(name)), flush=True)


if __name__ == "__main__":
    main()
