"""What a policy does wrong while a process starts is a finding like any other: at the beginning and after a restart."""

from dataclasses import dataclass, replace

import pytest

from rayproof.model.kernel import (
    Context,
    Explorer,
    FaultKind,
    PolicyError,
    Process,
    Scenario,
    Trace,
    Verdict,
    always,
    campaign,
    durable,
    minimise,
    render,
    replay,
)
from rayproof.model.kernel.search.vector.search import VectorExplorer


@dataclass(slots=True)
class Planner(Process):
    """Asks its policy as soon as it starts; the policy bears it so many times."""

    patience: int = durable(default=0)

    def start(self, ctx: Context) -> None:
        if not self.patience:
            raise PolicyError("legal_answer", "the policy chose a node that does not exist")
        self.patience -= 1


@dataclass(slots=True)
class Clerk(Process):
    """Comes back beside the planner, after it."""

    starts: int = durable(default=0)

    def start(self, ctx: Context) -> None:
        self.starts += 1


HASTY = Scenario("hasty", "toys", {"planner": Planner, "clerk": Clerk})
LATER = replace(
    HASTY,
    name="later",
    processes={"planner": lambda: Planner(1), "clerk": Clerk},
    units={"node": ("planner", "clerk")},
    crashable=("node",),
    recoverable=frozenset({"node"}),
    faults={FaultKind.CRASH: 1},
)


@pytest.mark.parametrize("engine", [Explorer, VectorExplorer])
@pytest.mark.parametrize(("scenario", "steps"), [(HASTY, []), (LATER, ["FAULT crash: node", "node comes back"])])
def test_explore_reports_it(scenario: Scenario, steps: list[str], engine: type[Explorer]) -> None:
    result = engine(scenario).run()
    assert result.verdict is Verdict.VIOLATED and result.violation is not None
    assert result.violation.statement == "legal_answer"
    assert [str(taken.step) for taken in result.violation.steps] == steps
    assert result.violation.sentence == "the policy chose a node that does not exist"
    assert replay(scenario, result.violation.steps).violation == result.violation


@pytest.mark.parametrize("scenario", [HASTY, LATER], ids=lambda s: s.name)
def test_walks_report_it(scenario: Scenario) -> None:
    violation = campaign(scenario, 20, 0).violation
    assert violation is not None and violation.statement == "legal_answer"
    assert replay(scenario, minimise(scenario, violation).steps).violation == Explorer(scenario).run().violation


@always(Clerk, source="an invariant that is false", each=True)
def never_starts(clerk: Clerk) -> bool:
    """The clerk never starts."""
    return not clerk.starts


def test_the_engines_agree_on_a_statement_that_the_initial_state_breaks() -> None:
    scenario = replace(LATER, statements=(never_starts,))
    one, other = Explorer(scenario).run().violation, VectorExplorer(scenario).run().violation
    assert one == other and one is not None and one.steps == ()


def test_a_counterexample_without_steps_is_printed() -> None:
    violation = Explorer(HASTY).run().violation
    assert violation is not None
    trace = Trace(HASTY.name, {}, violation.statement, violation.sentence, violation.steps)
    assert Trace.from_json(trace.to_json()) == trace
    text = render(trace, replay(HASTY, trace.steps))
    assert "0 steps" in text and "the policy chose a node that does not exist" in text
