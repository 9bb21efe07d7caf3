"""`python -m benchmarks [NAME...]`: run the measurements and print one table each."""

from __future__ import annotations

import sys

from benchmarks import engines, kernel, tables

NAMES = {
    "explore": kernel.explore_rates,
    "walk": kernel.walk_rates,
    "simulate": kernel.simulate_rates,
    "bugs": kernel.bugs,
    "tables": tables.rates,
    "engines": engines.rates,
    "monitors": engines.monitors,
    "chain-bugs": engines.chain_bugs,
    "engine-bugs": engines.bugs,
    "runs": engines.runs,
    "spin": engines.spin,
}


def main() -> None:
    """Run what was named, or everything."""
    wanted = sys.argv[1:] or list(NAMES)
    unknown = [name for name in wanted if name not in NAMES]
    if unknown:
        sys.exit(f"no benchmark named {', '.join(unknown)}; there are {', '.join(NAMES)}")
    for name in wanted:
        NAMES[name]()


main()
