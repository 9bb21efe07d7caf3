"""Kubernetes quantities: `500m`, `5Gi`, `1e3`, exact.

Source: Kubernetes API conventions, `resource.Quantity`: a decimal number with a binary suffix (Ki to Ei), a decimal one
(n, u, m, none, k to E) or a decimal exponent. Written here because the only packaged parser comes with a whole client.
"""

from __future__ import annotations

import re
from fractions import Fraction

_SYNTAX = re.compile(
    r"([+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30}))(?:([KMGTPE]i|[numkMGTPE])|[eE]([+-]?[0-9]{1,2}))?"
)
_SUFFIXES = {
    **{
        suffix: Fraction(10) ** power
        for suffix, power in zip("numkMGTPE", (-9, -6, -3, 3, 6, 9, 12, 15, 18), strict=True)
    },
    **{f"{suffix}i": Fraction(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)},
}


def parse_quantity(text: str) -> Fraction:
    """The amount a quantity stands for. Raises `ValueError` when the text is not one.

    >>> parse_quantity("5Gi"), parse_quantity("500m"), parse_quantity("1.5k")
    (Fraction(5368709120, 1), Fraction(1, 2), Fraction(1500, 1))
    """
    found = _SYNTAX.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a Kubernetes quantity")
    number, suffix, exponent = found.groups()
    amount = Fraction(number)
    if suffix:
        return amount * _SUFFIXES[suffix]
    return amount * Fraction(10) ** int(exponent or 0)
