"""Counterexamples that were found before: they come first."""

from pathlib import Path

import pytest


def test_found_before(old_counterexample: Path, replayed: str) -> None:
    if replayed:
        pytest.fail(replayed, pytrace=False)
