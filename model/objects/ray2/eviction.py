"""Which objects leave a store's memory when room is needed: least recently used first.

Source: Ray 2.60 `plasma/eviction_policy.cc`, `LRUCache::ChooseObjectsToEvict` and `EvictionPolicy::RequireSpace`. Only
sealed objects that nobody uses are candidates; leaving means deletion, never a move to disk.

Left out: the cache's own book-keeping of insertions; callers pass the candidates, oldest first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SHARE_FREED_AT_LEAST = 5
"""One part in so many of the capacity is freed at least, so that evictions come in batches."""


@dataclass(frozen=True, slots=True)
class Eviction:
    """What leaves memory: how many of the oldest candidates, and what is still missing after that."""

    count: int
    freed: int
    still_needed: int
    """At most 0 when the request now fits; how far below 0 is room beyond the request."""


def lru_choose(sizes: Sequence[int], wanted: int) -> tuple[int, int]:
    """How many of the oldest candidates to drop for `wanted` units, and the units that this frees.

    All of them when even that is not enough. `sizes`: oldest first.
    """
    freed = 0
    for count, size in enumerate(sizes):
        if freed >= wanted:
            return count, freed
        freed += size
    return len(sizes), freed


def require_space(capacity: int, allocated: int, sizes: Sequence[int], size: int) -> Eviction:
    """What to drop so that `size` units can be allocated. `sizes`: the candidates, oldest first."""
    missing = allocated + size - capacity
    count, freed = lru_choose(sizes, max(missing, capacity // SHARE_FREED_AT_LEAST))
    return Eviction(count, freed, missing - freed)
