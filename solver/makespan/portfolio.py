"""Two processes on one question: one ascends, one descends with another seed, and either may close the interval.

Run times of such searches vary by orders of magnitude from seed to seed, so two different ones are worth more than one
that runs twice as long. Processes are spawned, not forked: Z3 keeps a timer thread that a fork would lose.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait

from rayproof.solver.engine import Budget, Limits
from rayproof.solver.instances import Indexed
from rayproof.solver.makespan.search import Found, GaveUp, Refuted, ascend, descend

SECOND_SEED = 7
"""What the descending engine adds to the seed."""


def both_ways(
    indexed: Indexed, lower: int, upper: int, budget: Budget, seed: int = 0
) -> Iterator[Refuted | Found | GaveUp]:
    """What either engine reports, as it comes; ends with `GaveUp` when both did or time is up."""
    context = multiprocessing.get_context("spawn")
    limits = Limits(budget.seconds_left, budget.resource_units_left)
    workers, ends = [], []
    for ascending in (True, False):
        mine, theirs = context.Pipe(duplex=False)
        worker = context.Process(
            target=_work, args=(theirs, ascending, indexed, lower, upper, limits, seed), daemon=True
        )
        worker.start()
        theirs.close()
        workers.append(worker)
        ends.append(mine)
    try:
        while ends and lower < upper:
            heard = wait(ends, timeout=budget.seconds_left)
            if not heard:
                break
            for end in heard:
                assert isinstance(end, Connection)
                try:
                    report = end.recv()
                except EOFError:
                    ends.remove(end)
                    continue
                match report:
                    case Refuted(below):
                        lower = max(lower, below)
                    case Found(slots):
                        upper = min(
                            upper, max(start + indexed.durations[task] for task, (_, start) in enumerate(slots))
                        )
                if not isinstance(report, GaveUp):
                    yield report
        if lower < upper:
            yield GaveUp()
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()


def _work(
    reports: Connection, ascending: bool, indexed: Indexed, lower: int, upper: int, limits: Limits, seed: int
) -> None:
    budget = Budget(limits)
    engine = ascend if ascending else descend
    for report in engine(indexed, lower, upper, budget, seed + (0 if ascending else SECOND_SEED)):
        reports.send(report)
    reports.close()
