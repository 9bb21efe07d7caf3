"""`rayproof` and `python -m rayproof`: the guard stands before the first large import."""

from __future__ import annotations

import signal

from rayproof.exits import leave


def command_line() -> None:
    """`rayproof` among other commands: who closes its pipe ends it, and no exit code says what was not decided."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    leave(_run)


def _run() -> int:
    from rayproof.cli import run

    return run()


if __name__ == "__main__":
    command_line()
