"""`docs/statements.md`: every statement, generated from the catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from inspect import getsourcefile
from pathlib import Path

from rayproof.model.kernel import Scenario, Statement
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import ENTRIES
from rayproof.properties.drawn import FAMILIES, from_bytes
from rayproof.properties.editions import edition_of
from rayproof.properties.implications import IMPLIED_BY

COMMAND = "rayproof statements --markdown docs/statements.md"
"""What writes the document anew."""

HEAD = f"""# Statements

Generated from the catalogue by `{COMMAND}`; a test holds the two together.

*Kinds*: `always` holds in every state, `step` of every step, `audit` at rest, `sometimes` in at least one state (what
never happens proves nothing), `eventually`, `leads_to` and `progress` on every fair run, `refines` of every step as one
of an abstract system. Statements of one name in different components stand apart. A planted bug is a fault put into the
model from outside that the statement must notice; `rayproof verify --bug NAME SCENARIO` shows it.
"""


@dataclass
class Row:
    """One statement with everything that refers to it."""

    statement: Statement
    module: str
    scenarios: list[str] = field(default_factory=list)
    editions: set[str] = field(default_factory=set)


def _module(statement: Statement) -> str:
    file = getsourcefile(statement.check)
    return Path(file).stem if file is not None else "?"


def _scenarios() -> Iterable[Scenario]:
    for entry in ENTRIES:
        yield entry.build(None, {})
    for family in FAMILIES.values():
        yield family.scenario(family.draw(from_bytes(b"")))


def rows() -> list[Row]:
    """Every statement once, in the order of the catalogue."""
    found: dict[tuple[str, str], Row] = {}
    for scenario in _scenarios():
        for statement in scenario.statements:
            module = _module(statement)
            row = found.setdefault((module, statement.name), Row(statement, module))
            row.scenarios.append(scenario.name)
            row.editions.add(edition_of(scenario))
    return list(found.values())


def markdown() -> str:
    """The document."""
    made = rows()
    lines = [HEAD]
    for module in dict.fromkeys(row.module for row in made):
        lines.append(f"## {module}\n")
        for row in made:
            if row.module == module:
                lines += _entry(row)
    return "\n".join(lines)


def _entry(row: Row) -> list[str]:
    statement = row.statement
    bugs = [bug for bug in BUGS.values() if bug.statement == statement.name and bug.scenario in row.scenarios]
    also = [bug.name for bug in BUGS.values() if statement.name in bug.also and bug.scenario in row.scenarios]
    implied = IMPLIED_BY.get((row.module, statement.name), ())
    lines = [
        f"### `{statement.name}`\n",
        f"{statement.sentence}\n",
        f"- kind: {statement.kind}; edition: {' and '.join(sorted(row.editions))}",
        f"- source: {statement.source}",
        f"- checked in: {', '.join(row.scenarios)}",
    ]
    if bugs:
        lines.append("- planted bugs: " + "; ".join(f"`{bug.name}` ({bug.sentence.rstrip('.')})" for bug in bugs))
    elif statement.kind == "sometimes":
        lines.append("- planted bugs: none; it shows that something can happen")
    if also:
        lines.append("- also noticed by it: " + ", ".join(f"`{name}`" for name in also))
    if statement.known:
        lines.append(f"- known to be broken in Ray: {statement.known}")
    if implied:
        lines.append("- implied by: " + ", ".join(f"`{name}`" for name in implied))
    return [*lines, ""]
