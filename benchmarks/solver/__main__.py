"""`python -m benchmarks.solver [published] [cp-sat] [worst]`: print the tables that docs/solver.md quotes."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable, Iterable
from importlib.metadata import version

from benchmarks.solver import against_cp_sat, published, worst_cases


def main() -> None:
    """Run the chosen measurements, all by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.solver", description=__doc__)
    parser.add_argument("sections", nargs="*", choices=["published", "cp-sat", "worst", []], help="default: all")
    parser.add_argument("--search-seconds", type=float, default=30.0, help="black-box search, each case")
    arguments = parser.parse_args()
    sections: dict[str, Callable[[], Iterable[str]]] = {
        "published": published.run,
        "cp-sat": against_cp_sat.run,
        "worst": lambda: worst_cases.run(arguments.search_seconds),
    }
    print(
        f"Python {platform.python_version()}, z3-solver {version('z3-solver')}, ortools {version('ortools')}, "
        f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
    )
    for name in arguments.sections or sections:
        for text in sections[name]():
            print(text, flush=True)


if __name__ == "__main__":
    main()
