"""`docs/statements.md`: every statement, generated from the catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from inspect import getsourcefile
from pathlib import Path

from rayproof.model.kernel import Scenario, Statement
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import ENTRIES, Edition
from rayproof.properties.implications import IMPLIED_BY
from rayproof.properties.suite.drawn import FAMILIES, from_bytes

COMMAND = "rayproof statements --markdown docs/statements.md"
"""What writes the document anew."""

HEAD = f"""# Statements

Generated from the catalogue by `{COMMAND}`; a test holds the two together.

*Kinds*: `always` holds in every state, `step` of every step, `audit` at rest, `sometimes` in at least one state (what
never happens proves nothing), `eventually`, `leads_to` and `progress` on every fair run, `refines` of every step as one
of an abstract system. Statements of one name in different rooms stand apart. A planted bug is a fault put into the
model from outside that the statement must notice; `rayproof verify --bug NAME SCENARIO` shows it.
"""


@dataclass
class Row:
    """One statement with everything that refers to it."""

    statement: Statement
    room: str
    scenarios: list[str] = field(default_factory=list)
    editions: set[str] = field(default_factory=set)


def _room(statement: Statement) -> str:
    file = getsourcefile(statement.check)
    assert file is not None, "statements are read from files"
    path = Path(file)
    return ".".join(path.parent.parts[path.parts.index("properties") + 1 :]) or path.stem


def _scenarios() -> Iterable[tuple[Edition, Scenario]]:
    for entry in ENTRIES:
        yield entry.edition, entry.build(None, {})
    for family in FAMILIES.values():
        yield family.edition, family.scenario(family.draw(from_bytes(b"")))


def rows() -> list[Row]:
    """Every statement once, in the order of the catalogue."""
    found: dict[tuple[str, str], Row] = {}
    for edition, scenario in _scenarios():
        for statement in scenario.statements:
            room = _room(statement)
            row = found.setdefault((room, statement.name), Row(statement, room))
            row.scenarios.append(scenario.name)
            row.editions.add(edition)
    return list(found.values())


def markdown() -> str:
    """The document."""
    made = rows()
    lines = [HEAD]
    for room in dict.fromkeys(row.room for row in made):
        lines.append(f"## {room}\n")
        for row in made:
            if row.room == room:
                lines += _entry(row)
    return "\n".join(lines)


def _entry(row: Row) -> list[str]:
    statement = row.statement
    bugs = [bug for bug in BUGS.values() if bug.statement == statement.name and bug.scenario in row.scenarios]
    also = [bug.name for bug in BUGS.values() if statement.name in bug.also and bug.scenario in row.scenarios]
    implied = IMPLIED_BY.get((row.room, statement.name), ())
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
