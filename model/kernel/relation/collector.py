"""The garbage collector, called by hand: what a search keeps is looked at once, not again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def by_hand() -> Iterator[None]:
    """Within it nothing is collected but by `collect`, which must be called now and then."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def collect() -> None:
    """Free what has become garbage since the last call; what is still in use is not looked at again."""
    gc.collect(1)
