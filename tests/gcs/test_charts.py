"""The page about the control store: its charts are those of the model, its counts those that are pinned."""

from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import CATALOGUE
from rayproof.properties.gcs.charts import BLOCK, PAGE, charts, with_charts
from tests.gcs.test_scopes import SMALL, TINY


def test_the_charts_are_made_from_the_model() -> None:
    page, made = PAGE.read_text(encoding="utf-8"), charts()
    assert {block[1] for block in BLOCK.finditer(page)} == set(made)
    assert with_charts(page, made) == page, "run python -m rayproof.properties.gcs.charts"


def test_the_counts_are_those_that_are_pinned() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name, (states, transitions, depth) in {**TINY, **SMALL}.items():
        assert f"| `{name}` | {states:,} | {transitions:,} | {depth} |" in page


def test_every_planted_bug_is_listed() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for bug in BUGS.values():
        if CATALOGUE[bug.scenario].component == "gcs":
            assert f"| `{bug.name}` |" in page
