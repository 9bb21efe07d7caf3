"""Every example in the documentation and in docstrings runs."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

from tests.shared_data import PROJECT

PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").rglob("*.md"))]
MODULES = sorted(
    found.name
    for found in pkgutil.walk_packages([str(PROJECT / "rayproof")], "rayproof.")
    if ".test_" not in found.name and not found.name.endswith("conftest")
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(PROJECT).as_posix())
def test_pages(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    failed, _ = doctest.testfile(str(page), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert not failed


@pytest.mark.parametrize("module", MODULES)
def test_docstrings(module: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(module))
    assert not failed
