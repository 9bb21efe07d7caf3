"""`rayproof` and `python -m rayproof`: the guard stands before the first large import."""

from __future__ import annotations

import os
import signal
from types import FrameType


def command_line() -> None:
    """`rayproof` among other commands: who closes its pipe ends it, and no exit code says what was not decided."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    # A job in the background starts with the interrupt ignored, and so it stays.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _nothing_begun)
    from rayproof.exits import leave

    leave(_run)


def _nothing_begun(number: int, frame: FrameType | None) -> None:
    os.write(2, b"interrupted: nothing was begun\n")
    os._exit(130)


def _run() -> int:
    from rayproof.cli import run

    # From here on there is something to tell.
    if signal.getsignal(signal.SIGINT) is _nothing_begun:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return run()


if __name__ == "__main__":
    command_line()
