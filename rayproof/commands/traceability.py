"""`docs/traceability.md`: what each process and handler of the model stands for, read from the docstrings.

A module names its sources after `Source:`; a handler that has a counterpart of its own names it in its docstring, as a
symbol or a file of Ray, a section or figure of a paper, or an issue.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rayproof import model
from rayproof.properties.entry import Edition

COMMAND = "rayproof traceability --markdown docs/traceability.md"
"""What writes the document anew."""

HEAD = f"""# Traceability

Generated from the docstrings of `model/` by `{COMMAND}`.
A test holds the two together, and fails for a process whose module names no source.

Each process of the model stands below its module's sources: sections and figures of a paper, or files and functions of
Ray 2.60. *Messages* are those that its `receive` tells apart. *Handlers* are listed where they name a counterpart of
their own; the others belong to the sources of the module.
"""

COUNTERPART = re.compile(
    r"`[^`]*(?:::|\.cc|\.h|\.proto|\.py)[^`]*`|`[A-Z]\w+`(?=[.;,)]|$)"
    r"|§\s?[\d.]+|[Ss]ections? [\d.]+|[Ff]igures? \d+|#\d{3,}"
)
"""How a docstring names a counterpart."""


@dataclass(frozen=True)
class Handler:
    """A method that names its counterpart."""

    name: str
    counterparts: tuple[str, ...]


@dataclass(frozen=True)
class ProcessRow:
    """A process class."""

    name: str
    messages: tuple[str, ...]
    handlers: tuple[Handler, ...]


@dataclass(frozen=True)
class ModuleRow:
    """A module with processes."""

    name: str
    source: str
    """The paragraph after `Source:`; empty when there is none."""
    edition: str
    processes: tuple[ProcessRow, ...]


def modules() -> Iterator[ModuleRow]:
    """Every module of the model that defines processes, by name."""
    root = Path(next(iter(model.__path__)))
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(root.rglob("*.py"))}
    kinds = _processes(trees.values())
    for path, tree in trees.items():
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name in kinds]
        if classes and "kernel" not in path.relative_to(root).parts:
            docstring = ast.get_docstring(tree) or ""
            rooms = path.relative_to(root).with_suffix("").parts
            name = ".".join(("rayproof.model", *rooms))
            yield ModuleRow(name, _source(docstring), _edition(rooms), tuple(map(_process, classes)))


def _edition(rooms: tuple[str, ...]) -> Edition:
    """By the room of a module; chains are the paper's."""
    if {"paper", "chain"} & set(rooms):
        return Edition.PAPER
    return Edition.RAY2 if "ray2" in rooms else Edition.BOTH


def _processes(trees: Iterable[ast.Module]) -> set[str]:
    """Names of the classes that are processes, by way of others too."""
    bases: dict[str, set[str]] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                bases.setdefault(node.name, set()).update(base.id for base in node.bases if isinstance(base, ast.Name))
    found = {"Process"}
    while True:
        more = {name for name, above in bases.items() if above & found} - found
        if not more:
            return found - {"Process"}
        found |= more


def _source(docstring: str) -> str:
    paragraph = docstring.partition("Source: ")[2].partition("\n\n")[0]
    return " ".join(paragraph.split())


def _process(node: ast.ClassDef) -> ProcessRow:
    methods = [method for method in node.body if isinstance(method, ast.FunctionDef)]
    handlers = []
    for method in methods:
        named = tuple(dict.fromkeys(COUNTERPART.findall(ast.get_docstring(method) or "")))
        if named:
            handlers.append(Handler(method.name, named))
    received = [method for method in methods if method.name == "receive"]
    messages = [
        name.id
        for method in received
        for case in ast.walk(method)
        if isinstance(case, ast.MatchClass) and isinstance(name := case.cls, ast.Name)
    ]
    return ProcessRow(node.name, tuple(dict.fromkeys(messages)), tuple(handlers))


def markdown() -> str:
    """The document."""
    lines = [HEAD]
    for module in modules():
        lines += [f"## `{module.name}` ({module.edition})\n", f"Source: {module.source}\n"]
        lines += ["| process | messages | handlers with a counterpart of their own |", "|---|---|---|"]
        for process in module.processes:
            messages = ", ".join(f"`{name}`" for name in process.messages) or "as its base"
            handlers = "; ".join(f"`{h.name}`: {', '.join(h.counterparts)}" for h in process.handlers) or "-"
            lines.append(f"| `{process.name}` | {messages} | {handlers} |")
        lines.append("")
    return "\n".join(lines)
