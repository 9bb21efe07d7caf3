"""The gate: what is known of a reduction on a small scope of the very model that is to be explored.

The scope is explored with and without the reduction. Verdicts and, for every statement, the set of all it ever sees
must agree: evidence, named as such. What fails its gate is refused by name, and the search goes on without it.

Claims about runs (`eventually`, `leads_to`, `progress`) and about steps are refused for all reductions: the reduced
graph has other runs. Symmetry refuses statements with monitors as well: a monitor may keep names in an order.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rayproof.model.kernel.judging.sights import Sights
from rayproof.model.kernel.judging.verdicts import INTERRUPTED_NOTE, Result
from rayproof.model.kernel.language.errors import ModelError
from rayproof.model.kernel.language.scenario import Scenario
from rayproof.model.kernel.language.statements import Statement, StatementKind
from rayproof.model.kernel.reductions.reduced_search import ReducedExplorer, ToldApart, search_reduced
from rayproof.model.kernel.reductions.reduction import REDUCIBLE, Reduction
from rayproof.model.kernel.reductions.symmetry import Symmetry
from rayproof.model.kernel.search.engines import explore
from rayproof.model.kernel.search.explore import Limits, Report

GATE_LIMITS = Limits(states=1_000_000)
"""A gate that is not exhausted within these refuses."""

WORTH = 1.1
"""A reduction that is worth less at its gate is not used: the vectorised engine, which knows none, saves more time."""


@dataclass(frozen=True)
class Gate:
    """What the gate found about one reduction on a small scope."""

    reduction: str
    refused: str
    """Why the reduction is not used; empty when it passed."""
    full: int
    reduced: int
    """States with this reduction and those that passed before it."""
    read: frozenset[str] = frozenset()
    """Fields that some statement reads there."""
    passed: Reduction | None = None
    """The reduction that is left, where it passed: without what the gate has shown to be wrong."""

    @property
    def sentence(self) -> str:
        """For verdicts: the reduction, and what it saves or why it is refused."""
        if self.refused:
            return f"{self.reduction}: refused, {self.refused}"
        return f"{self.reduction}: {self.full / self.reduced:.1f} times fewer states at the gate"


def gate(
    scope: Scenario,
    reduction: Reduction,
    statements: Iterable[Statement] | None = None,
) -> Gate:
    """Explore a small scope with and without a reduction, and compare what every statement sees.

    A statement that the scope breaks does not end the comparison: both searches are done once more, beyond the
    violation. Raises `KeyboardInterrupt` when one of the searches was interrupted.
    """
    wanted = tuple(scope.statements if statements is None else statements)
    unsound = _unsound(scope, reduction, wanted)
    if unsound:
        return Gate(reduction.name, unsound, 0, 0)
    full = ReducedExplorer(scope, (), wanted, GATE_LIMITS)
    one = _finished(full.run())
    read = full.fields_read()
    try:
        reduced, other = search_reduced(scope, (reduction,), wanted, GATE_LIMITS, read)
    except ModelError as error:
        return Gate(reduction.name, f"the model does not bear it: {error}", one.states, 0)
    refused = _difference(one, _finished(other))
    if one.violation is not None and not refused:
        try:
            full = ReducedExplorer(scope, (), wanted, GATE_LIMITS, beyond=True)
            one = _finished(full.run())
            read = full.fields_read()
            reduced, other = search_reduced(scope, (reduction,), wanted, GATE_LIMITS, read, beyond=True)
        except Exception as error:  # Where a statement is broken, a model or a check may fail in any way.
            return Gate(reduction.name, f"beyond a violation nothing can be compared: {error}", one.states, 0)
        refused = _difference(one, _finished(other))
        if one.violation is not None and not refused:
            refused = f"its gate ends at a violation of {one.violation.statement}"
    refused = refused or _unlike(full, reduced, wanted) or reduced.objection()
    (passed,) = reduced.reductions
    return Gate(reduction.name, refused, one.states, other.states, read, None if refused else passed)


def _unsound(scope: Scenario, reduction: Reduction, wanted: Sequence[Statement]) -> str:
    """Why a reduction cannot be right, whatever a comparison shows; empty when nothing is known against it."""
    unfit = [s.name for s in wanted if s.kind not in REDUCIBLE]
    if unfit:
        return f"it changes the runs that {', '.join(unfit)} speaks of"
    if isinstance(reduction, Symmetry):
        folding = [s.name for s in wanted if s.monitors]
        if folding:
            return f"it changes the names that {', '.join(folding)} folds"
        groups = reduction.groups(scope)
        if not groups:
            return f"{scope.name} tells all its slots apart"
        moved = {slot for group in groups for slot, *_ in group}
        cut = sorted(moved & {slot for pair in scope.cuttable for slot in pair})
        if cut:
            return f"{', '.join(cut)} can be cut off"
    return ""


def _finished(result: Result) -> Result:
    if result.note.startswith(INTERRUPTED_NOTE):
        raise KeyboardInterrupt
    return result


def _difference(one: Result, other: Result) -> str:
    if one.note or other.note:
        return f"its gate was not exhausted: {one.note or other.note}"
    if one.verdict is not other.verdict:
        return f"{one.verdict} without it, {other.verdict} with it"
    return ""


def _unlike(full: ReducedExplorer, reduced: ReducedExplorer, wanted: Sequence[Statement]) -> str:
    """Name a statement that does not see the same; an audit looks at quiescent states only."""
    audits = [s for s in wanted if s.kind is StatementKind.AUDIT]
    others = [s for s in wanted if s.kind is not StatementKind.AUDIT]
    for some, here, there in (
        (others, full.states(), reduced.states_meant()),
        (audits, full.resting_meant(), reduced.resting_meant()),
    ):
        complete = Sights(full.transitions, some)
        read = complete.fields_read(here)
        left = Sights(reduced.transitions, some).all(there, read)
        for name, sights in complete.all(here, read).items():
            if sights != left[name]:
                return f"{name} no longer sees the same states"
    return ""


def explore_reduced(
    scenario: Scenario,
    scope: Scenario,
    reductions: Sequence[Reduction],
    statements: Iterable[Statement] | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    on_progress: Report | None = None,
) -> Result:
    """Explore a scenario under the first of the reductions that passes its gate on `scope`, a smaller one of the model.

    The gate compares what `scope` is made of: a planted bug or a policy must be in both. Where none passes, the search
    is the full one, with the engine that fits. The CPU seconds are those of the gates and of the search.
    """
    started = time.process_time()
    wanted = tuple(scenario.statements if statements is None else statements)
    gates: list[Gate] = []
    unseen = sorted(str(kind) for kind in scenario.faults if scenario.budget(kind) and not scope.budget(kind))
    for reduction in reductions:
        used = next((each.reduction for each in gates if each.passed), "")
        if used or unseen:
            why = f"it is not used together with {used}"
            if unseen:
                why = f"its gate {scope.name} has no fault {', '.join(unseen)}, which strikes here"
            gates.append(Gate(reduction.name, why, 0, 0))
            continue
        found = gate(scope, reduction, wanted)
        if found.passed and found.reduced * WORTH > found.full:
            why = f"it leaves out {found.full - found.reduced:,} of {found.full:,} states there"
            found = replace(found, refused=why, passed=None)
        gates.append(found)
    sentences = [each.sentence for each in gates]
    passed = next((each for each in gates if each.passed), None)
    if passed is None:
        return _answer(explore(scenario, wanted, limits, on_progress), sentences, started)
    assert passed.passed is not None
    try:
        explorer, result = search_reduced(scenario, (passed.passed,), wanted, limits, passed.read, on_progress)
        more = explorer.fields_read() - passed.read if not (result.violation or result.note) else None
        if result.violation is None and (objection := explorer.objection()):
            raise ToldApart(objection)
        if more:
            raise ToldApart(f"statements read {', '.join(sorted(more))} here, which they do not at the gate")
    except ToldApart as error:
        sentences = [f"{reduction.name}: refused, {error}" for reduction in reductions]
        return _answer(explore(scenario, wanted, limits, on_progress), sentences, started)
    caveat = f"reduced: {passed.reduction}, gate {passed.full:,} states"
    return replace(_answer(result, sentences, started), reduced=True, caveat=caveat)


def _answer(found: Result, sentences: Sequence[str], started: float) -> Result:
    return replace(found, reductions=tuple(sentences), cpu_s=time.process_time() - started)
