"""Where an exploration stands, live: one line that is rewritten on a terminal, one line per 10 s in a pipe.

It goes to standard error, so that reports can be piped. The clock on the wall decides only when a line is due.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TextColumn

from rayproof.model.kernel import Progress

SECONDS_PER_LINE = 10.0
"""Between two lines in a pipe."""

Live = Callable[[str, Progress], None]
"""(scenario, where it stands) -> None"""


def line(scenario: str, progress: Progress) -> str:
    """The progress of one exploration, for people."""
    rate = progress.states / max(progress.cpu_s, 1e-9)
    return (
        f"{scenario}: {progress.states:,} states, frontier {progress.frontier:,}, depth {progress.depth}, "
        f"{rate:,.0f} states/s, {progress.memory_mb:,} MB"
    )


class Lines:
    """Prints a line whenever enough time has passed since the last one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()

    def __call__(self, scenario: str, progress: Progress) -> None:
        """Report; most calls print nothing."""
        now = self._clock()
        if now - self._last >= SECONDS_PER_LINE:
            self._last = now
            print(line(scenario, progress), file=sys.stderr, flush=True)


@contextmanager
def live() -> Iterator[Live]:
    """What to call with the progress while explorations run."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines()
        return
    with Bar(SpinnerColumn(), TextColumn("{task.description}"), console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda scenario, progress: bar.update(task, description=line(scenario, progress))


@contextmanager
def spinner() -> Iterator[Callable[[str], None]]:
    """What to call with the stage that work has reached; nothing is shown outside a terminal."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda said: bar.update(task, description=said)
