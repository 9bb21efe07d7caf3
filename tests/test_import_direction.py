"""Arrows between the packages point one way: rayproof -> solver, properties -> model."""

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
ALLOWED = {
    "model": {"model", "networkx"},
    "model/kernel": {"model", "networkx", "numpy"},
    "properties": {"properties", "model", "hypothesis", "pytest"},
    "solver": {"solver", "model", "z3", "networkx", "numpy", "hypothesis"},
    "rayproof": None,
}
GLUE = "properties/conftest.py"
"""Where pytest takes in the options and reports of `rayproof.suite`; nothing imports it."""
STANDARD = set(__import__("sys").stdlib_module_names)
LAYERS = ("model", "properties", "solver")


def layer(module: str) -> str:
    """The layer that a module belongs to: a folder of the top level, or another package's name.

    >>> layer("rayproof.model.graph"), layer("rayproof.cli"), layer("z3.z3")
    ('model', 'rayproof', 'z3')
    """
    first, _, rest = module.partition(".")
    second = rest.partition(".")[0]
    return second if first == "rayproof" and second in LAYERS else first


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {layer(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {layer(f"{node.module}.{alias.name}") for alias in node.names}
    return names


def wrong(path: Path, allowed: set[str] | None) -> set[str]:
    found = imported(path) - STANDARD
    return found & {"tests", "benchmarks"} if allowed is None else found - allowed


def rule_of(path: Path) -> set[str] | None:
    inside = path.relative_to(PROJECT).as_posix()
    if inside == GLUE:
        return None
    return ALLOWED["model/kernel"] if inside.startswith("model/kernel/") else ALLOWED[inside.partition("/")[0]]


FILES = [
    path for package in ("model", "properties", "solver", "rayproof") for path in (PROJECT / package).rglob("*.py")
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_imports_only_what_its_layer_may(path: Path) -> None:
    assert not wrong(path, rule_of(path))


def test_a_wrong_arrow_is_found(tmp_path: Path) -> None:
    file = tmp_path / "wrong.py"
    file.write_text("from rayproof.cli import main\nimport rayproof.properties.catalogue\n")
    assert wrong(file, ALLOWED["model"]) == {"rayproof", "properties"}


def test_the_kernel_knows_no_component() -> None:
    for path in (PROJECT / "model" / "kernel").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for component in ("graph", "gcs", "scheduler", "lineage", "cluster"):
            assert f"from rayproof.model.{component}" not in text, f"{path} imports {component}"
