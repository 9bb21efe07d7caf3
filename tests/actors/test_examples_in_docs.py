"""The traces printed in the documentation are those of the scenarios."""

from pathlib import Path

from tests.actors.examples import examples

DOCS = Path(__file__).parents[2] / "docs" / "actors.md"


def test_traces_in_the_documentation_are_what_the_scenarios_print() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for name, trace in examples().items():
        assert trace in text, f"docs/actors.md lacks the trace of {name}; print it with python -m tests.actors.examples"
