"""Named scenarios of attempts and of streams."""

from __future__ import annotations

from typing import Any

from rayproof.model.kernel import Scenario
from rayproof.model.lineage.ray2.attempts import TaskShape
from rayproof.model.lineage.ray2.scenarios import attempts, stream
from rayproof.model.lineage.ray2.streams import Wish
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.swap import Swap
from rayproof.properties.entry import Edition, Entry, Scope
from rayproof.properties.lineage.ray2.workers.statements import ATTEMPTS, STREAMS


def _attempts(name: str, *shapes: TaskShape, **options: Any) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        return attempts(name, shapes, ATTEMPTS, swap=swap, **options)

    return Entry(name, "lineage", Edition.RAY2, Scope.TINY, build)


def _stream(name: str, *wishes: Wish, **options: Any) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        return stream(name, wishes, STREAMS, swap=swap, **options)

    return Entry(name, "lineage", Edition.RAY2, Scope.TINY, build)


ATTEMPT_ENTRIES = (
    _attempts("attempts-cancel", TaskShape("t"), TaskShape("u"), cancels="t", worker_crashes=2),
    _attempts("attempts-memory", TaskShape("a", 8, 5), TaskShape("b", 8, 1, max_retries=3), workers=2),
)
"""Scenarios of attempts."""

STREAM_ENTRIES = (
    _stream("stream", Wish.PEEK, Wish.NEXT, Wish.READ, Wish.NEXT, Wish.READ, worker_crashes=1, node_crashes=1),
    _stream(
        "stream-read-late",
        Wish.NEXT,
        Wish.NEXT,
        Wish.READ,
        Wish.READ,
        worker_crashes=2,
        node_crashes=1,
    ),
)
"""Scenarios of streams."""

WORKER_ENTRIES = (*ATTEMPT_ENTRIES, *STREAM_ENTRIES)
"""Scenarios of workers."""
