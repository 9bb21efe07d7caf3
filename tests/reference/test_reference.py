"""Every driver of the kernel agrees with a second, plain text of the step relation, on drawn systems.

A failure prints the smallest system found that still differs, as a literal: `differences(System(...), seed)`.
"""

import pytest

from tests.reference.comparing import assert_no_difference

SYSTEMS = 150
MORE = 2_000
BLOCK = 15


@pytest.mark.parametrize("first", range(0, SYSTEMS, BLOCK))
def test_drivers_agree_with_the_reference(first: int) -> None:
    for seed in range(first, first + BLOCK):
        assert_no_difference(seed)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(SYSTEMS, MORE, 50))
def test_drivers_agree_with_the_reference_on_many_more(first: int) -> None:
    for seed in range(first, first + 50):
        assert_no_difference(seed)
