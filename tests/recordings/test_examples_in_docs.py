"""The examples in the documentation of the readers run as they are printed."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from rayproof import errors
from rayproof.clusters import quantities
from tests.shared_data import PROJECT


def test_the_page_on_recordings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    result = doctest.testfile(str(PROJECT / "docs" / "recordings.md"), module_relative=False)
    assert result.attempted > 10
    assert result.failed == 0


@pytest.mark.parametrize("module", [errors, quantities], ids=lambda module: module.__name__)
def test_docstrings(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
