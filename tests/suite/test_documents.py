"""The generated documents are what the catalogue and the docstrings say today."""

import pytest

from rayproof.commands import statements_table, traceability
from rayproof.model.kernel import DECIDED, explore
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import build
from rayproof.properties.cluster.paper.statements import CLUSTER_RUNS, at_rest
from rayproof.properties.implications import IMPLIED_BY
from tests.shared_data import PROJECT


def test_statements_are_up_to_date() -> None:
    written = (PROJECT / "docs" / "statements.md").read_text(encoding="utf-8")
    assert written == statements_table.markdown(), f"out of date; regenerate it: {statements_table.COMMAND}"


def test_traceability_is_up_to_date() -> None:
    written = (PROJECT / "docs" / "traceability.md").read_text(encoding="utf-8")
    assert written == traceability.markdown(), f"out of date; regenerate it: {traceability.COMMAND}"


def test_every_process_has_a_source() -> None:
    silent = [module.name for module in traceability.modules() if not module.source]
    assert not silent, f"modules with processes, but without a paragraph `Source: ...` in their docstring: {silent}"


def test_every_statement_that_can_fail_has_a_planted_bug_or_is_known() -> None:
    """Claims about runs have their own matrix, beside the tests of liveness."""
    harmless = [
        f"{row.room}.{row.statement.name}"
        for row in statements_table.rows()
        if row.statement.kind in DECIDED - {"sometimes"}
        and not row.statement.known
        and not any(
            row.statement.name in (bug.statement, *bug.also) and bug.scenario in row.scenarios for bug in BUGS.values()
        )
    ]
    assert not harmless, f"nothing shows that these can fail: {harmless}"


@pytest.mark.parametrize(
    ("weaker", "stronger", "bug"),
    [
        ("no_lost_objects", "at_rest", "results_stand_for_puts"),
        ("eventual_scheduling", "at_rest", "never_reconsiders"),
        ("no_lost_objects", "lost_objects_come_back", "results_stand_for_puts"),
        ("eventual_scheduling", "tasks_find_room", "never_reconsiders"),
    ],
)
def test_what_breaks_the_weaker_breaks_the_stronger(weaker: str, stronger: str, bug: str) -> None:
    assert stronger in IMPLIED_BY["cluster.paper", weaker]
    planted = BUGS[bug]
    scenario = build(planted.scenario, swap=planted.replaces)
    named = {s.name: s for s in (*CLUSTER_RUNS, *scenario.statements, at_rest)}
    for name in (weaker, stronger):
        found = explore(scenario, (named[name],)).violation
        assert found is not None and found.statement == name
