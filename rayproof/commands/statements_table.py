"""`docs/statements.md`: every statement, generated from the catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from inspect import getsourcefile
from pathlib import Path

from rayproof.model.kernel import Scenario, Statement
from rayproof.properties.bugs import BUGS, Bug
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
`rayproof statements NAME` says the rest: where a statement is from, where it is checked, which bugs it notices.
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
        lines += [f"## {room}\n", "| statement | kind | edition | says | noticed bugs |", "|---|---|---|---|---|"]
        lines += [_line(row) for row in made if row.room == room]
        lines.append("")
    return "\n".join(lines)


def _line(row: Row) -> str:
    statement = row.statement
    notes = [f"known to be broken in Ray: {statement.known}"] if statement.known else []
    notes += [f"follows from `{name}`" for name in IMPLIED_BY.get((row.room, statement.name), ())]
    says = " ".join(statement.sentence.split()) + (f" ({'; '.join(notes)})" if notes else "")
    cells = (f"`{statement.name}`", statement.kind, " ".join(sorted(row.editions)), says, str(len(bugs_of(row))))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def bugs_of(row: Row) -> list[Bug]:
    """The planted bugs that a statement notices in a scenario of its own."""
    name = row.statement.name
    return [bug for bug in BUGS.values() if name in (bug.statement, *bug.also) and bug.scenario in row.scenarios]


def described(name: str) -> str:
    """All that is known of the statements of a name; empty when there is none."""
    return "\n".join(_description(row) for row in rows() if row.statement.name == name)


def _description(row: Row) -> str:
    statement = row.statement
    lines = [
        f"{statement.name} ({row.room}; {statement.kind}; {' and '.join(sorted(row.editions))})",
        f"  {' '.join(statement.sentence.split())}",
        f"  source: {statement.source}",
        f"  checked in: {', '.join(row.scenarios)}",
        *(f"  notices: {bug.name} in {bug.scenario}: {bug.sentence}" for bug in bugs_of(row)),
        *(f"  follows from: {other}" for other in IMPLIED_BY.get((row.room, statement.name), ())),
    ]
    if statement.known:
        lines.append(f"  known to be broken in Ray: {statement.known}")
    return "\n".join(lines) + "\n"
