"""The first that the process of a policy runs; what is heavy and seldom needed is imported when it is used."""

from __future__ import annotations

import importlib.util
import sys
from typing import NoReturn

HEAVY = ("networkx",)
"""Half of the time of a start; of all that policies see, only the graph of a program needs it."""


def start(read_fd: int, write_fd: int) -> NoReturn:
    """Serve one policy until the pipe is closed."""
    for name in HEAVY:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = importlib.util.LazyLoader(spec.loader)
            sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules[name])
    from rayproof.supervised.child import Child

    Child(read_fd, write_fd).serve()
