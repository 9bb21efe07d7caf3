"""Resource amounts in fixed point, as Ray counts them.

Ray 2.60 `FixedPoint` (src/ray/common/scheduling/fixed_point.h): a 64-bit integer in units of 1e-4, truncated towards
zero. Zero amounts are dropped, so that an absent resource and a zero one are equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

UNIT = 10_000
"""Fixed-point units in one whole resource."""


def fixed_point(amount: float) -> int:
    """The amount in units of 1e-4, truncated towards zero.

    >>> fixed_point(0.5)
    5000
    """
    # Ray multiplies the double and truncates; the detour over the shortest decimal keeps 0.3 at 3000, as users mean it.
    return int(round(amount * UNIT, 6))


@dataclass(frozen=True, slots=True)
class Resources:
    """An immutable vector of named amounts, in fixed-point units, sorted by name, without zeros.

    >>> Resources.of(CPU=2, GPU=0.5)
    Resources(CPU=2, GPU=0.5)
    >>> Resources.of(CPU=1).fits(Resources.of(CPU=2)), Resources.of(GPU=1).fits(Resources.of(CPU=2))
    (True, False)
    """

    units: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, **amounts: float) -> Resources:
        """Resources from whole or fractional amounts given by name."""
        return cls.from_amounts(amounts)

    @classmethod
    def from_amounts(cls, amounts: Mapping[str, float]) -> Resources:
        """Resources from whole or fractional amounts."""
        return cls.from_units({name: fixed_point(amount) for name, amount in amounts.items()})

    @classmethod
    def from_units(cls, units: Mapping[str, int]) -> Resources:
        """Resources from amounts already in fixed-point units."""
        return cls(tuple(sorted((name, amount) for name, amount in units.items() if amount)))

    def __getitem__(self, name: str) -> float:
        """The amount of one resource as Ray and its users count it, 1.0 for one CPU; 0.0 when absent.

        >>> Resources.of(CPU=2, GPU=0.5)["GPU"]
        0.5
        """
        return self.fixed(name) / UNIT

    def fixed(self, name: str) -> int:
        """The amount of one resource in fixed-point units; 0 when absent."""
        for held, amount in self.units:
            if held == name:
                return amount
        return 0

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return iter(self.units)

    def __bool__(self) -> bool:
        return bool(self.units)

    def __add__(self, other: Resources) -> Resources:
        total = dict(self.units)
        for name, amount in other.units:
            total[name] = total.get(name, 0) + amount
        return Resources.from_units(total)

    def __sub__(self, other: Resources) -> Resources:
        rest = dict(self.units)
        for name, amount in other.units:
            rest[name] = rest.get(name, 0) - amount
        return Resources.from_units(rest)

    def fits(self, capacity: Resources) -> bool:
        """Whether every amount asked here is at most what `capacity` has."""
        return all(amount <= capacity.fixed(name) for name, amount in self.units)

    def amounts(self) -> dict[str, float]:
        """Amounts in whole units, for people and for JSON."""
        return {name: amount / UNIT for name, amount in self.units}

    def __str__(self) -> str:
        """For people.

        >>> print(Resources.of(CPU=2, GPU=0.5))
        2 CPU + 0.5 GPU
        """
        return " + ".join(f"{amount / UNIT:g} {name}" for name, amount in self.units) or "nothing"

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}={amount / UNIT:g}" for name, amount in self.units)
        return f"Resources({inner})"
