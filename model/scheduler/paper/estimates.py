"""Simple exponential averaging, in integers.

Source: OSDI 2018, section 4.2.2 names the method and gives no weight; the weight is a parameter of the cluster.
"""

from __future__ import annotations

PER_MILLE = 1000


def averaged(average: int, sample: int, weight_per_mille: int) -> int:
    """The average after one more sample; the first sample stands alone, a weight of 0 freezes the average.

    >>> averaged(0, 500, 200), averaged(500, 1000, 200), averaged(500, 1000, 0)
    (500, 600, 500)
    """
    if not weight_per_mille:
        return average
    if not average:
        return sample
    return (weight_per_mille * sample + (PER_MILLE - weight_per_mille) * average) // PER_MILLE
