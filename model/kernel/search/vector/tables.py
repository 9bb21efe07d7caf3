"""Tables for whole arrays of keys: a set of fingerprints, and two-way tables filled by calling the model.

Fingerprints are Zobrist's (1970): each (column, value) has a random-looking 64-bit word, a state is the exclusive or of
its words, and a step changes only the words of the columns it changes. The words come from the finaliser of splitmix64
(Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014), so that they are the same in every run.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]

DENSE_CELLS = 1 << 21
"""A two-way table with more cells than this, 8 MiB of them, is kept as a hash table."""


def mixed(keys: Words) -> Words:
    """A bijection of 64-bit words that leaves no visible order."""
    with np.errstate(over="ignore"):
        keys = keys + np.uint64(0x9E3779B97F4A7C15)
        keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    words: Words = keys ^ (keys >> np.uint64(31))
    return words


class FingerprintSet:
    """A set of 64-bit words with open addressing; 0 marks an empty place and stands for 1."""

    def __init__(self) -> None:
        self._places = np.zeros(1 << 14, np.uint64)
        self.count = 0

    @property
    def bytes(self) -> int:
        """Memory in use."""
        return self._places.nbytes

    def add(self, words: Words) -> Bools:
        """Add words; True where a word is new, for one of several equal ones."""
        words = np.where(words == 0, np.uint64(1), words)
        while self.count * 10 > len(self._places) * 6 or (self.count + len(words)) * 10 > len(self._places) * 8:
            self._grow()
        fresh = np.zeros(len(words), bool)
        mask = np.uint64(len(self._places) - 1)
        active = np.arange(len(words))
        places = (words & mask).astype(np.int64)
        while len(active):
            kept = self._places[places]
            empty = np.flatnonzero(kept == 0)
            if len(empty):
                at, claimant = places[empty], active[empty]
                # Several may claim one place: the number of the last remains, and its word takes the place.
                claims = claimant.astype(np.uint64)
                self._places[at] = claims
                won = self._places[at] == claims
                self._places[at[won]] = words[claimant[won]]
                fresh[claimant[won]] = True
                kept = self._places[places]
            on = np.flatnonzero(kept != words[active])
            active = active[on]
            places = (places[on] + 1) & int(mask)
        self.count += int(np.count_nonzero(fresh))
        return fresh

    def _grow(self) -> None:
        words = self._places[self._places != 0]
        size = len(self._places) * 2
        self._places = np.zeros(size, np.uint64)
        places = (words & np.uint64(size - 1)).astype(np.int64)
        while len(words):
            free = self._places[places] == 0
            self._places[places[free]] = words[free]
            on = np.flatnonzero(self._places[places] != words)
            words, places = words[on], (places[on] + 1) & (size - 1)


class Collision(Exception):
    """Two states have one fingerprint."""


class ExactSet(FingerprintSet):
    """A set of words that also keeps the row behind each, and compares it whenever the word is met again."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers = np.zeros(len(self._places), np.int64)
        self._kept: list[Words] = []
        self._rows: npt.NDArray[np.uint32] = np.zeros((0, 0), np.uint32)

    def add_rows(self, words: Words, rows: npt.NDArray[np.unsignedinteger]) -> Bools:
        """Add words with their rows; raises `Collision` when two different rows have one word."""
        words = np.where(words == 0, np.uint64(1), words)
        before = self.count
        size = len(self._places)
        fresh = self.add(words)
        if len(self._places) != size:
            self._numbers = np.zeros(len(self._places), np.int64)
            known = np.concatenate([np.zeros(0, np.uint64), *self._kept])
            self._numbers[self._find(known)] = np.arange(before)
        self._kept.append(words[fresh])
        places = self._find(words)
        self._numbers[places[fresh]] = np.arange(before, self.count)
        if self.count > len(self._rows) or rows.shape[1] > self._rows.shape[1]:
            wider = np.zeros((max(2 * self.count, len(self._rows)), max(rows.shape[1], self._rows.shape[1])), np.uint32)
            wider[:before, : self._rows.shape[1]] = self._rows[:before]
            self._rows = wider
        self._rows[before : self.count, : rows.shape[1]] = rows[fresh]
        kept = self._rows[self._numbers[places]]
        if (kept[:, : rows.shape[1]] != rows).any() or kept[:, rows.shape[1] :].any():
            raise Collision
        return fresh

    def _find(self, words: Words) -> Ints:
        """The places of words that are there."""
        mask = len(self._places) - 1
        places = (words & np.uint64(mask)).astype(np.int64)
        active = np.arange(len(words))
        while len(active):
            active = active[self._places[places[active]] != words[active]]
            places[active] = (places[active] + 1) & mask
        return places


class PairTable:
    """(int, int) -> int >= 0, each distinct pair computed once by a call; negative results are not remembered.

    The call must not come back to this table.
    """

    def __init__(self, compute: Callable[[int, int], int]) -> None:
        self._compute = compute
        self._known: _Dense | _Sparse = _Dense(16, 16)

    def get(self, left: Ints, right: Ints) -> Ints:
        """The entries of pairs; an entry that is missing is computed."""
        if not len(left):
            return np.zeros(0, np.int64)
        if isinstance(self._known, _Dense):
            self._known = self._known.with_room_for(int(left.max()), int(right.max()))
        found = self._known.get(left, right)
        missing = np.flatnonzero(found < 0)
        if len(missing):
            keys, inverse = np.unique(_pairs(left[missing], right[missing]), return_inverse=True)
            made = np.array([self._compute(key >> 32, key & 0xFFFFFFFF) for key in keys.tolist()], np.int64)
            self._known.add(keys[made >= 0], made[made >= 0])
            found[missing] = made[inverse]
        return found


def _pairs(left: Ints, right: Ints) -> Ints:
    """One key for each pair."""
    return (left.astype(np.int64) << 32) | right.astype(np.int64)


class _Dense:
    """A matrix, -1 where nothing is known."""

    def __init__(self, rows: int, columns: int) -> None:
        self._cells = np.full((rows, columns), -1, np.int32)

    def with_room_for(self, left: int, right: int) -> _Dense | _Sparse:
        """This table, or one that holds the same and more."""
        rows, columns = self._cells.shape
        if left < rows and right < columns:
            return self
        rows, columns = max(rows, 1 << left.bit_length()), max(columns, 1 << right.bit_length())
        wider: _Dense | _Sparse = _Dense(rows, columns) if rows * columns <= DENSE_CELLS else _Sparse()
        known = np.nonzero(self._cells >= 0)
        wider.add(_pairs(*known), self._cells[known].astype(np.int64))
        return wider

    def get(self, left: Ints, right: Ints) -> Ints:
        found: Ints = self._cells[left, right].astype(np.int64)
        return found

    def add(self, keys: Ints, values: Ints) -> None:
        self._cells[keys >> 32, keys & 0xFFFFFFFF] = values


class _Sparse:
    """A hash table with open addressing, half full at most; -1 marks an empty place."""

    def __init__(self) -> None:
        self._keys = np.full(1 << 12, -1, np.int64)
        self._values = np.zeros(1 << 12, np.int32)
        self._count = 0

    def _places(self, keys: Ints) -> Ints:
        places: Ints = (mixed(keys.view(np.uint64)) & np.uint64(len(self._keys) - 1)).astype(np.int64)
        return places

    def get(self, left: Ints, right: Ints) -> Ints:
        keys = _pairs(left, right)
        found = np.full(len(keys), -1, np.int64)
        active, places = np.arange(len(keys)), self._places(keys)
        while len(active):
            kept = self._keys[places]
            hit = kept == keys[active]
            found[active[hit]] = self._values[places[hit]]
            on = ~hit & (kept >= 0)
            active, places = active[on], (places[on] + 1) & (len(self._keys) - 1)
        return found

    def add(self, keys: Ints, values: Ints) -> None:
        """Add distinct keys that are not there."""
        if (self._count + len(keys)) * 2 > len(self._keys):
            known = self._keys >= 0
            keys, values = np.concatenate((self._keys[known], keys)), np.concatenate((self._values[known], values))
            size = 1 << (4 * len(keys)).bit_length()
            self._keys, self._values = np.full(size, -1, np.int64), np.zeros(size, np.int32)
            self._count = 0
        self._count += len(keys)
        places = self._places(keys)
        while len(keys):
            free = np.flatnonzero(self._keys[places] < 0)
            self._keys[places[free]] = keys[free]
            # Several that want one place: the last one has it.
            mine = free[self._keys[places[free]] == keys[free]]
            self._values[places[mine]] = values[mine]
            on = np.ones(len(keys), bool)
            on[mine] = False
            keys, values, places = keys[on], values[on], (places[on] + 1) & (len(self._keys) - 1)


class Mirror:
    """A growing Python list of small ints, kept as an array."""

    def __init__(self, source: list[int]) -> None:
        self._source = source
        self._known = 0
        self._array = np.zeros(64, np.int64)

    def array(self) -> Ints:
        """The list as it is now."""
        count = len(self._source)
        if count > self._known:
            if count > len(self._array):
                wider = np.zeros(2 * count, np.int64)
                wider[: self._known] = self._array[: self._known]
                self._array = wider
            self._array[self._known : count] = self._source[self._known :]
            self._known = count
        return self._array
