"""The order in which Ray breaks ties between nodes: a signed 64-bit hash of the node id.

Source: Ray 2.60, `scheduling_ids.cc::StringIdMap::Insert`: `std::hash<std::string>` of the 28 id bytes, which in
libstdc++ is MurmurHash64A with the seed 0xc70f6907. Neither the order of hex ids nor that of joining, but the same in
every process. Left out: the second hash after a collision, which no run is expected to see.
"""

from __future__ import annotations

from collections.abc import Iterable

SEED = 0xC70F6907
_MASK = (1 << 64) - 1
_M = 0xC6A4A7935BD1E995
_R = 47


def murmur_hash_64a(data: bytes, seed: int = SEED) -> int:
    """MurmurHash64A as a signed 64-bit integer.

    >>> murmur_hash_64a(b"local")
    -3261402643749128568
    """
    h = seed ^ (len(data) * _M & _MASK)
    whole = len(data) - len(data) % 8
    for at in range(0, whole, 8):
        k = int.from_bytes(data[at : at + 8], "little") * _M & _MASK
        k = (k ^ k >> _R) * _M & _MASK
        h = (h ^ k) * _M & _MASK
    if whole < len(data):
        h = (h ^ int.from_bytes(data[whole:], "little")) * _M & _MASK
    h = (h ^ h >> _R) * _M & _MASK
    h ^= h >> _R
    return h - (1 << 64) if h >> 63 else h


def node_rank(hex_id: str) -> int:
    """The tie-break rank of a node, lowest first, from its id in hex digits."""
    return murmur_hash_64a(bytes.fromhex(hex_id))


def order_by_rank(hex_ids: Iterable[str]) -> list[str]:
    """Node ids in the order in which HYBRID and SPREAD look at them."""
    return sorted(hex_ids, key=node_rank)
