"""YAML read field by field, each value with its place in the file and its path in the document.

Only the nodes of the YAML graph are built, never Python objects from tags, and only what is asked for is visited: an
alias costs nothing until it is followed, so documents that would explode when loaded stay as small as their text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import yaml

from rayproof.clusters.quantities import parse_quantity
from rayproof.errors import InputError
from rayproof.files import read_text
from rayproof.model.documents import printable

LIMIT = 512 * 1024
"""Bytes. Kubernetes itself refuses an object beyond 1.5 MiB, and a readable cluster takes a few KiB."""

LARGEST = 10**18
"""Bound on every amount: an exabyte of memory."""

MOST_ENTRIES = 1000
"""Entries of one mapping or list."""

MOST_MERGED = 100
"""Mappings that merge keys bring into one, those within them included: eight in eight in eight would be millions."""

_STANDARD = "tag:yaml.org,2002:"
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a YAML document."""

    file: str
    node: yaml.Node
    name: str
    """Path in the document, such as `spec.workerGroupSpecs[0].replicas`; empty at the top."""

    @property
    def line(self) -> int:
        """Line of the file, counted from 1."""
        return int(self.node.start_mark.line) + 1

    def bad(self, message: str, expected: str) -> InputError:
        """The error to raise for something wrong with this value."""
        return InputError(self.file, self.line, f"{self.name or 'the document'} {message}", expected)

    def entries(self) -> dict[str, Field]:
        """The entries of a mapping, those that a merge key (`<<`) brings in included; null ones are left out."""
        found: dict[str, Field] = {}
        for key, value in self._pairs(0, [MOST_MERGED]):
            if value.node.tag != _STANDARD + "null":
                found.setdefault(key, value)
        return found

    def items(self) -> list[Field]:
        """The items of a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.bad(f"is {self._shown()}", "a list")
        if len(self.node.value) > MOST_ENTRIES:
            raise self.bad(f"has {len(self.node.value)} items", f"at most {MOST_ENTRIES} items")
        return [Field(self.file, node, f"{self.name}[{index}]") for index, node in enumerate(self.node.value)]

    def get(self, *path: str) -> Field | None:
        """The value under some keys, one below the other; None when one of them is absent or null."""
        here: Field | None = self
        for key in path:
            if here is None:
                return None
            here = here.entries().get(key)
        return here

    def need(self, *path: str) -> Field:
        """As `get`, but raises `InputError` when the value is absent."""
        here = self
        for key in path:
            found = here.get(key)
            if found is None:
                raise here.bad(f"has no field {key!r}", f"a field {'.'.join(path)}")
            here = found
        return here

    def text(self) -> str:
        """A string, on one line. Anything else has to be quoted, as the Kubernetes API server demands."""
        if not isinstance(self.node, yaml.ScalarNode) or self.node.tag != _STANDARD + "str":
            raise self.bad(f"is {self._shown()}", "a string (quote it)")
        return printable(str(self.node.value))

    def whole(self, low: int | None = None) -> int:
        """A whole number, of at least `low`."""
        if self._scalar("int") is None or not _WHOLE.fullmatch(self.node.value):
            raise self.bad(f"is {self._shown()}", "a whole number")
        value = int(self.node.value)
        if low is not None and value < low:
            raise self.bad(f"is {value}", f"a whole number of at least {low}")
        return value

    def flag(self) -> bool:
        """True or false."""
        value = self._scalar("bool")
        if value is None:
            raise self.bad(f"is {self._shown()}", "true or false")
        return value.lower() in ("true", "yes", "on")

    def quantity(self) -> Fraction:
        """A Kubernetes quantity of at least 0: a number, or a string such as '500m' or '5Gi'."""
        value = self._scalar("int", "float", "str")
        try:
            amount = parse_quantity((value or "").strip())
        except ValueError as error:
            raise self.bad(f"is {self._shown()}", "a Kubernetes quantity such as 2, '500m' or '5Gi'") from error
        if not 0 <= amount <= LARGEST:
            raise self.bad(f"is {self._shown()}", f"a quantity from 0 to {LARGEST:g}")
        return amount

    def _scalar(self, *tags: str) -> str | None:
        fits = isinstance(self.node, yaml.ScalarNode) and self.node.tag in {_STANDARD + tag for tag in tags}
        return str(self.node.value) if fits else None

    def _pairs(self, depth: int, merges_left: list[int]) -> Iterator[tuple[str, Field]]:
        if not isinstance(self.node, yaml.MappingNode):
            raise self.bad(f"is {self._shown()}", "a mapping")
        if depth > 8 or len(self.node.value) > MOST_ENTRIES:
            raise self.bad("has too many entries", f"at most {MOST_ENTRIES} entries, merged at most 8 deep")
        merged: list[yaml.Node] = []
        seen: set[str] = set()
        for key, value in self.node.value:
            if key.tag == _STANDARD + "merge":
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
                continue
            if not isinstance(key, yaml.ScalarNode):
                raise self.bad("has a key that is not a string", "a mapping from strings")
            child = Field(self.file, value, f"{self.name}.{key.value}" if self.name else key.value)
            if key.value in seen:
                raise child.bad("is given twice", "one value for each key")
            seen.add(key.value)
            yield key.value, child
        if len(merged) > 8:
            raise self.bad(f"merges {len(merged)} mappings", "at most 8")
        for node in merged:
            merges_left[0] -= 1
            if merges_left[0] < 0:
                raise self.bad("merges too many mappings", f"at most {MOST_MERGED}, those within them included")
            yield from Field(self.file, node, self.name)._pairs(depth + 1, merges_left)

    def _shown(self) -> str:
        if isinstance(self.node, yaml.ScalarNode):
            if not self.node.tag.startswith(_STANDARD):
                return f"tagged {self.node.tag[:60]}"
            return repr(self.node.value if len(self.node.value) <= 60 else self.node.value[:57] + "...")
        return "a list" if isinstance(self.node, yaml.SequenceNode) else "a mapping"


def read_documents(path: str | Path, expected: str) -> list[Field]:
    """The documents of a YAML file, empty ones left out. Raises `InputError`."""
    text = read_text(path, LIMIT, expected)
    try:
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        raise InputError(path, line, f"not YAML: {error.problem or error.context}", expected) from error
    except yaml.YAMLError as error:
        # Left: characters that YAML forbids, which PyYAML reports by their position in the text.
        position = getattr(error, "position", 0)
        line = text.count("\n", 0, position) + 1
        raise InputError(path, line, "not YAML: a character that YAML forbids", expected) from error
    except RecursionError as error:
        raise InputError(path, None, "YAML is nested too deeply", expected) from error
    return [Field(str(path), node, "") for node in nodes if node is not None and node.tag != _STANDARD + "null"]
