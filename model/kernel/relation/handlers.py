"""Running one handler: what calls it, and who is to blame when it fails."""

from __future__ import annotations

from typing import Any

from rayproof.model.kernel.language.context import Context
from rayproof.model.kernel.language.errors import ModelError, PolicyError, Unhandled
from rayproof.model.kernel.language.process import Name, Process

IMMEDIATE_LIMIT = 10_000
"""Handlers that one step may pull in through immediate links."""


def never_at_rest(name: Name) -> ModelError:
    """What a step is reported as that pulls in more."""
    return ModelError(f"immediate links from {name} never come to rest")


Stimulus = tuple[Any, ...]
"""("receive", sender, message), ("fire", timer) or ("start",)."""


def invoke(seat_name: Name, process: Process, ctx: Context, stimulus: Stimulus) -> None:
    """Run one handler; every failure but a policy's becomes a `ModelError` that says where."""
    try:
        if stimulus[0] == "receive":
            process.receive(ctx, stimulus[1], stimulus[2])
        elif stimulus[0] == "fire":
            process.fire(ctx, stimulus[1])
        else:
            process.start(ctx)
    except PolicyError:
        raise
    except Exception as error:
        raise blamed(seat_name, process, stimulus, error) from error


def blamed(seat_name: Name, process: Process, stimulus: Stimulus, error: Exception) -> ModelError:
    """What a failed handler is reported as."""
    where = f"{seat_name} ({type(process).__name__})"
    if isinstance(error, Unhandled):
        return ModelError(f"{where}: {error}, from {stimulus[1]}")
    if isinstance(error, ModelError):
        return ModelError(f"{where}: {error}")
    what = repr(stimulus[2]) if stimulus[0] == "receive" else " ".join(map(str, stimulus))
    return ModelError(f"{where} failed on {what}: {type(error).__name__}: {error}")
