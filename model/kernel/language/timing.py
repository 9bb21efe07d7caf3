"""Durations for timed runs: how long a message travels and what a payload costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rayproof.model.kernel.language.process import Slot


@dataclass(frozen=True)
class Timing:
    """Latencies and bandwidths of a simulated system; all times in whole microseconds."""

    latency_us: int = 500
    """Between two hosts, for any message."""
    local_latency_us: int = 20
    """Between two processes of one host."""
    jitter_us: int = 0
    """Each message takes up to so much longer, drawn uniformly."""
    bandwidth_bytes_per_s: int | None = None
    """Of each directed pair of hosts; payloads queue behind each other. None: payloads take no time."""
    detection_us: int = 0
    """From a crash to the failure detector's word of it."""
    host: Callable[[Slot], str] = lambda slot: slot
    """The host on which a slot's process runs."""
    handler_us: Mapping[str, int] = field(default_factory=dict)
    """Time that a process of this class name is busy with one message; others take none."""
