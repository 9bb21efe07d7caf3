"""Policies on real Ray beside what the model predicts for them. Pure: the runs are somebody else's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Compared:
    """One policy."""

    name: str
    real_s: tuple[float, ...]
    """Makespans of the repetitions."""
    predicted_s: tuple[float, ...]
    """Makespans of the simulations; more than one where the policy draws. Empty when none came to its end."""
    note: str = ""

    @property
    def inside(self) -> bool | None:
        """Whether the predictions' range meets the real one; None when there is nothing to compare."""
        if not self.real_s or not self.predicted_s:
            return None
        return min(self.predicted_s) <= max(self.real_s) and min(self.real_s) <= max(self.predicted_s)

    @property
    def ratio(self) -> float | None:
        """Median predicted over median real."""
        return median(self.predicted_s) / median(self.real_s) if self.real_s and self.predicted_s else None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two policies of which one is faster on real Ray in every repetition."""

    faster: str
    slower: str
    right: bool | None
    """Whether the median predictions say so; None without a prediction of both, or when they are equal."""


def pairs(compared: Sequence[Compared]) -> list[Pair]:
    """The pairs whose real ranges do not overlap; of the others nothing can be said.

    >>> two = [Compared("a", (1.0, 1.2), (3.0,)), Compared("b", (2.0, 2.1), (2.5,))]
    >>> pairs(two)
    [Pair(faster='a', slower='b', right=False)]
    """
    found = []
    for one, other in combinations(compared, 2):
        if not one.real_s or not other.real_s:
            continue
        if max(other.real_s) < min(one.real_s):
            one, other = other, one
        if max(one.real_s) >= min(other.real_s):
            continue
        right = None
        if one.predicted_s and other.predicted_s:
            first, second = median(one.predicted_s), median(other.predicted_s)
            right = None if first == second else first < second
        found.append(Pair(one.name, other.name, right))
    return found


def as_json(compared: Sequence[Compared]) -> dict[str, Any]:
    """The machine-readable comparison."""
    return {
        "policies": [
            {
                "name": one.name,
                "real_s": list(one.real_s),
                "predicted_s": list(one.predicted_s),
                "inside": one.inside,
                "ratio": one.ratio,
                "note": one.note,
            }
            for one in compared
        ],
        "pairs": [{"faster": pair.faster, "slower": pair.slower, "right": pair.right} for pair in pairs(compared)],
    }


def as_text(compared: Sequence[Compared]) -> str:
    """For people."""
    width = max([len("policy"), *(len(one.name) for one in compared)])
    lines = [f"{'policy':{width}}  {'real':>17}  {'predicted':>17}  {'ratio':>6}"]
    for one in compared:
        where = {True: "inside", False: "outside", None: "nothing to compare"}[one.inside]
        ratio = "-" if one.ratio is None else f"{one.ratio:.2f}"
        note = f" ({one.note})" if one.note else ""
        lines.append(
            f"{one.name:{width}}  {_range(one.real_s):>17}  {_range(one.predicted_s):>17}  {ratio:>6}  {where}{note}"
        )
    found = pairs(compared)
    count = len(compared) * (len(compared) - 1) // 2
    right = sum(pair.right is True for pair in found)
    lines.append(f"real ranges of {len(found)} of {count} pairs do not overlap; predicted in the right order: {right}")
    lines += [
        f"  {pair.faster} is faster than {pair.slower}; "
        + ("predicted the other way round" if pair.right is False else "the prediction does not tell them apart")
        for pair in found
        if pair.right is not True
    ]
    return "\n".join(lines) + "\n"


def _range(values: Sequence[float]) -> str:
    if not values:
        return "-"
    low, high = f"{min(values):.3f}", f"{max(values):.3f}"
    return f"{low} s" if low == high else f"{low}-{high} s"
