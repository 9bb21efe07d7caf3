"""How much a policy may use. Beyond a limit its process is ended, and the policy has broken a rule."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Of one policy. CPU time is that of its process; the wall clock only ends what neither computes nor answers."""

    call_cpu_s: float = 2.0
    """CPU time of one call of a hook, and what a call may sleep."""
    load_cpu_s: float = 20.0
    """CPU time of importing its file, and making it."""
    total_cpu_s: int = 3_600
    """CPU time of all calls."""
    idle_s: float = 30.0
    """Wall time that one call may stand still: neither computing nor waiting for a processor."""
    memory_mb: int = 1_024
    """Memory of its process beyond its code (on Linux)."""


LIMITS = Limits()
"""What holds unless said otherwise."""
