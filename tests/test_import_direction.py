"""Arrows between the packages point one way: rayproof -> solver, properties -> model."""

import ast
import re
from pathlib import Path

import pytest

from rayproof.model import kernel

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


# ---- rooms inside model/ ---------------------------------------------------------------------------------------------

ROOMS = (
    "documents",
    "kernel/language",
    "kernel/relation",
    "kernel/judging",
    "kernel/liveness",
    "kernel/search",
    "kernel/reductions",
    "kernel/counterexample",
    "kernel",
    "",
    "graph",
    "lineage",
    "objects",
    "scheduler",
    "scheduler/ray",
    "scheduler/policy",
    "gcs",
    "actors",
    "lineage/paper",
    "gcs/chain",
    "gcs/paper",
    "scheduler/paper",
    "actors/paper",
    "wire",
    "wire/ray2",
    "lineage/ray2",
    "gcs/ray2",
    "objects/ray2",
    "scheduler/ray2",
    "actors/ray2",
    "workers",
    "workers/ray2",
    "scheduler/ray2/owned",
    "cluster",
)
"""The rooms of `model/`, the lowest first: a module imports from its own room and from lower ones."""


def room(path: str) -> str:
    """The innermost room that a file or module of the model is in.

    >>> room("scheduler/policy/built_in/spread.py"), room("gcs/followers.py"), room("swap.py")
    ('scheduler/policy', 'gcs', '')
    """
    folder, _, _ = path.rpartition("/")
    while folder not in ROOMS:
        folder, cut, _ = folder.rpartition("/")
        assert cut, f"model/{path} is in no room that ROOMS names"
    return folder


def edition(where: str) -> str:
    """The edition that a room belongs to, if it belongs to one."""
    return next((part for part in where.split("/") if part in ("paper", "ray2")), "")


def upward(path: str, text: str) -> set[str]:
    """Modules of `model/` that a file at `path` below it must not import."""
    here, wrong_ones = room(path), set()
    for node in ast.walk(ast.parse(text)):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            if name.startswith("rayproof.model."):
                inner = name.removeprefix("rayproof.model.").replace(".", "/")
                is_folder = (PROJECT / "model" / inner).is_dir()
                there = room(inner + "/" if is_folder else inner)
                mixed = here != "cluster" and {edition(here), edition(there)} == {"paper", "ray2"}
                if ROOMS.index(there) > ROOMS.index(here) or mixed:
                    wrong_ones.add(name)
    return wrong_ones


def test_the_kernel_has_few_rooms() -> None:
    folders = {path.name for path in (PROJECT / "model/kernel").iterdir() if list(path.glob("*.py"))}
    assert folders == {room.removeprefix("kernel/") for room in ROOMS if room.startswith("kernel/")}
    assert len(folders) <= 8
    assert [path.name for path in (PROJECT / "model/kernel").glob("*.py")] == ["__init__.py"]


def borrowed(text: str) -> list[str]:
    """Calls of a method of another class on `self`: one class told in two places."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call) and node.args]
    return [
        ast.unparse(call.func)
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id.lstrip("_")[:1].isupper()
        and isinstance(call.args[0], ast.Name)
        and call.args[0].id == "self"
    ]


@pytest.mark.parametrize("folder", ["relation", "search", "judging", "liveness", "reductions", "counterexample"])
def test_no_class_of_the_kernel_borrows_a_method(folder: str) -> None:
    for path in (PROJECT / "model/kernel" / folder).rglob("*.py"):
        assert borrowed(path.read_text(encoding="utf-8")) == [], path


def test_the_relation_is_told_by_objects_that_hold_each_other() -> None:
    """No class of it extends one of another module: what a step does is found without going up and down a chain."""
    homes: dict[str, Path] = {}
    bases: list[tuple[str, str]] = []
    for path in (PROJECT / "model/kernel/relation").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                homes[node.name] = path
                bases += [(node.name, base.id) for base in node.bases if isinstance(base, ast.Name)]
    assert len(homes) > 10
    assert [(heir, base) for heir, base in bases if homes.get(base, homes[heir]) != homes[heir]] == []


def test_a_borrowed_method_is_found() -> None:
    assert borrowed("class A(B):\n    def f(self):\n        B.f(self, 1)\n        self.g(self)\n") == ["B.f"]


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if path.relative_to(PROJECT).parts[0] in ("model", "properties")],
    ids=lambda path: path.relative_to(PROJECT).as_posix(),
)
def test_models_and_statements_know_one_module_of_the_kernel(path: Path) -> None:
    if not path.is_relative_to(PROJECT / "model/kernel"):
        assert not re.findall(r"^\s*(?:from|import) rayproof\.model\.kernel\.", path.read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if path.is_relative_to(PROJECT / "model")],
    ids=lambda path: path.relative_to(PROJECT).as_posix(),
)
def test_inside_the_model_arrows_point_down(path: Path) -> None:
    assert not upward(path.relative_to(PROJECT / "model").as_posix(), path.read_text(encoding="utf-8"))


def test_an_arrow_up_and_a_mixture_of_editions_are_found() -> None:
    text = "from rayproof.model.cluster.paper import assemble\nfrom rayproof.model.graph import Program\n"
    assert upward("scheduler/paper/raylet.py", text) == {"rayproof.model.cluster.paper"}
    assert upward("kernel/search/walk.py", "from rayproof.model.kernel import Result\n") == {"rayproof.model.kernel"}
    assert upward("kernel/search/walk.py", text) == {"rayproof.model.cluster.paper", "rayproof.model.graph"}
    assert upward("cluster/paper.py", text) == set()
    older = "from rayproof.model.lineage.paper.tables import TaskStatus\n"
    assert upward("lineage/ray2/programs.py", older) == {"rayproof.model.lineage.paper.tables"}


# ---- names -----------------------------------------------------------------------------------------------------------


def editions_of(path: Path) -> set[str]:
    """The editions that a module of the model belongs to: one, or both."""
    rooms = {part.removesuffix(".py") for part in path.parts}
    if rooms & {"paper", "chain"}:
        return {"paper"}
    return {"ray2"} if rooms & {"ray2", "owned"} else {"paper", "ray2"}


ISLANDS = (
    "actors/ray2/lifecycle.py",
    "actors/ray2/protocol.py",
    "lineage/ray2/",
    "objects/ray2/protocol.py",
    "objects/ray2/transfer.py",
    "scheduler/ray2/owned/",
)
"""Parts of today's Ray that are not composed yet: the commit that composes one deletes it, and its names until then may
stand beside those of the classes that take its place."""


def test_no_public_class_is_defined_twice_in_one_edition() -> None:
    """What an author can import from the kernel counts; what its inside is made of does not."""
    found: dict[tuple[str, str], list[str]] = {}
    exported = set(kernel.__all__)
    for path in (PROJECT / "model").rglob("*.py"):
        inside = path.relative_to(PROJECT / "model")
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
                continue
            if inside.parts[0] == "kernel" and node.name not in exported:
                continue
            for each in editions_of(inside):
                found.setdefault((each, node.name), []).append(inside.as_posix())
    for name, files in found.items():
        composed = [file for file in files if not file.startswith(ISLANDS)]
        assert len(composed) < 2 and len(files) - len(composed) < 2, (name, files)
