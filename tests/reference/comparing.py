"""Holds every driver of the kernel against the reference, on one small system.

`differences` says in words where they part; nothing when they agree. What is read of the engines' own forms of a state
is read here, and nowhere else in this folder.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count
from random import Random

from rayproof.model.kernel import (
    LIVENESS,
    Explorer,
    Happening,
    Invisible,
    Limits,
    ModelError,
    Process,
    Reduction,
    Result,
    Scenario,
    Simulation,
    Statement,
    StatementKind,
    StatementResult,
    Symmetry,
    Taken,
    Verdict,
    Violation,
    World,
    interchangeable,
    replay,
    walk,
)
from rayproof.model.kernel.language.process import durable_fields
from rayproof.model.kernel.reductions.reduced_search import ReducedExplorer, ToldApart, search_reduced
from rayproof.model.kernel.reductions.reduction import REDUCIBLE
from rayproof.model.kernel.relation.transitions import Transitions
from rayproof.model.kernel.search.vector.search import VECTORISED, VectorExplorer
from tests.reference.claims import Finding, decide, held_by, is_fair_loop, step_held_by
from tests.reference.drawing import draw
from tests.reference.relation import (
    Breach,
    Edge,
    Graph,
    Holder,
    Refused,
    Relation,
    State,
    Unfit,
    canonical,
    explore,
    names_of_state,
)
from tests.reference.shrinking import shrunk
from tests.reference.systems import LABELS, Claim, System, build, statement_of

LIMIT = 400
"""States of a system that is still small."""

LEAST = 8
"""A system with fewer states shows nothing."""

ATTEMPTS = 1000
"""Systems that may be drawn for one seed."""

WALKS = 4
LOCKSTEP = 25


class Differs(Exception):
    """Two texts of the kernel disagree."""


def insist(condition: object, sentence: str) -> None:
    """Raise `Differs` unless the condition holds."""
    if not condition:
        raise Differs(sentence)


def assert_no_difference(seed: int) -> System:
    """Compare all drivers on the first fit system of a seed; fails with the smallest system that still differs."""
    system, difference = compared(seed)
    if not difference:
        return system
    small, sentence = shrunk(system, lambda other: differences(other, seed))
    raise AssertionError(f"seed {seed}: {sentence}\n\ndifferences({small!r}, {seed})\n\ndrawn as {system!r}")


def compared(seed: int) -> tuple[System, str]:
    """The first fit system of a seed, and where the drivers and the reference part on it."""
    for attempt in count():
        system = draw(ATTEMPTS * seed + attempt)
        try:
            return system, differences(system, seed, LEAST)
        except Unfit:
            continue
    raise AssertionError


# ---- states of the engines, in the reference's form ----------------------------------------------


def from_packed(transitions: Transitions, state: int) -> State:
    """A packed state."""
    packing = transitions.packing
    here = packing.unpack(state)
    made = State({})
    for slot, local in zip(packing.interner.slots, packing.processes_in(here), strict=True):
        made.holders[slot] = _holder(local.process, local.alive, local.incarnation, local.timers)
    made.links = {key: list(messages) for key, messages in packing.messages_in(here).items()}
    made.cuts = set(packing.cuts[here[packing.cuts_at]])
    made.spent = dict(zip(packing.kinds, packing.budgets[here[packing.budget_at]], strict=True))
    made.monitors = packing.monitors_in(here)
    return made


def from_world(world: World) -> State:
    """A state that is changed in place."""
    made = State({})
    for slot, seat in world.seats.items():
        made.holders[slot] = _holder(seat.process, seat.alive, seat.incarnation, seat.timers)
    made.links = {key: list(queue) for key, queue in world.messages().items()}
    made.cuts = set(world.cuts)
    made.spent = dict(world.spent)
    made.monitors = dict(world.monitors)
    return made


def _holder(process, alive, incarnation, timers) -> Holder:  # type: ignore[no-untyped-def]
    disk = {} if alive else {name: getattr(process, name) for name in durable_fields(type(process))}
    return Holder(type(process), process if alive else None, incarnation, dict(timers), disk)


# ---- the comparison ------------------------------------------------------------------------------


def differences(system: System, seed: int = 0, least: int = 0) -> str:
    """Where the drivers and the reference part, in words; empty when they agree.

    `seed`: of the walks and simulated runs. Raises `Unfit` when the system is no small one, or has fewer states than
    `least`.
    """
    scenario = build(system)
    monitors = tuple(dict.fromkeys(kind for s in scenario.statements for kind in s.monitors))
    relation = Relation(scenario, monitors)
    try:
        try:
            graph = explore(relation, LIMIT)
            plain = explore(Relation(scenario), LIMIT) if monitors else graph
        except Breach as breach:
            _same_breach(scenario, breach)
            return ""
        except Refused as refused:
            _same_refusal(scenario, refused.rule, 0)
            return ""
        if graph.blunders:
            _same_refusal(scenario, "", min(length for length, _ in graph.blunders), {r for _, r in graph.blunders})
            return ""
        if len(graph.states) < least:
            raise Unfit(f"fewer than {least} states")
        _same_states(scenario, graph)
        findings = {s.name: decide(graph if s.monitors else plain, s) for s in scenario.statements}
        for statement in scenario.statements:
            _same_verdict(scenario, graph if statement.monitors else plain, statement, findings[statement.name])
        legal = tuple(s for s in scenario.statements if findings[s.name].illegal is None)
        _same_together(scenario, legal, {s.name: decide(graph, s) for s in legal})
        _same_walks(scenario, relation, legal, seed)
        _same_lockstep(scenario, relation, monitors, seed)
        _simulated_steps(scenario, monitors, seed)
        _same_reduced(scenario, graph, plain, legal, seed)
    except Differs as found:
        return str(found)
    except ModelError as error:
        return f"the kernel raises where the reference does not: {error}"
    except (Unfit, KeyboardInterrupt):
        raise
    except BaseException as error:
        return f"the kernel falls over: {type(error).__name__}: {error}"
    return ""


Explored = tuple[Explorer, Result]


def _engines(scenario: Scenario, statements: Sequence[Statement]) -> Iterator[tuple[str, Callable[[], Explored]]]:
    """The engines that decide the statements: the name of each, and what explores with it."""
    limits = Limits(states=3 * LIMIT)
    yield "integers", lambda: _explored(Explorer(scenario, statements, limits))
    if all(s.kind in VECTORISED for s in statements):
        yield "vector", lambda: _explored(VectorExplorer(scenario, statements, limits))
        yield "exact", lambda: _explored(VectorExplorer(scenario, statements, limits, exact=True))


def _explored(explorer: Explorer) -> Explored:
    return explorer, explorer.run()


def _same_breach(scenario: Scenario, breach: Breach) -> None:
    for engine, explored in _engines(scenario, ()):
        with suppress(ModelError):
            explored()
            raise Differs(f"{engine} finds nothing wrong where the reference says: {breach}")


def _same_refusal(scenario: Scenario, rule: str, length: int, rules: Sequence[str] | set[str] = ()) -> None:
    for engine, explored in _engines(scenario, ()):
        found = explored()[1].violation
        insist(found is not None, f"{engine} does not see that a policy breaks a rule")
        assert found is not None
        insist(found.statement in ({rule} if rule else rules), f"{engine}: another rule, {found.statement}")
        insist(len(found.steps) == length, f"{engine}: {len(found.steps)} steps to the policy's error, not {length}")


def _same_states(scenario: Scenario, graph: Graph) -> None:
    """Equal sets of states, numbers of transitions, depths and quiescent states."""
    watching = tuple(
        replace(s, kind=StatementKind.ALWAYS, check=lambda view: None, each=False, known="")
        for s in scenario.statements
        if s.monitors
    )
    numbers = (len(graph.states), graph.transitions, max(graph.depth), sum(graph.rests))
    for engine, explored in _engines(scenario, watching):
        explorer, result = explored()
        found = (result.states, result.transitions, result.depth, explorer.quiescent_states)
        if engine == "integers":
            _same_set(explorer, graph)
        insist(
            found == numbers,
            f"{engine}: (states, transitions, depth, quiescent) are {found}, the reference says {numbers}",
        )


def _same_set(explorer: Explorer, graph: Graph) -> None:
    ours = {from_packed(explorer.transitions, packed).key() for packed in explorer.states()}
    if ours != set(graph.index):
        extra, missing = ours - set(graph.index), set(graph.index) - ours
        words = [f"integers: {len(extra)} states too many, {len(missing)} missing"]
        words += [f"  too many: {key}" for key in list(extra)[:1]] + [f"  missing: {key}" for key in list(missing)[:1]]
        raise Differs("\n".join(words))


def _expected(statement: Statement, finding: Finding) -> Verdict:
    if finding.broken:
        return Verdict.KNOWN if statement.known else Verdict.VIOLATED
    return Verdict.VIOLATED if finding.idle or statement.known else Verdict.HOLDS


def _same_verdict(scenario: Scenario, graph: Graph, statement: Statement, finding: Finding) -> None:
    for engine, explored in _engines(scenario, (statement,)):
        where = f"{statement.name} ({statement.kind}) by {engine}"
        try:
            _, result = explored()
        except ModelError as error:
            insist(_may_be_refused(finding), f"{where}: refused: {error}")
            continue
        insist(not _must_be_refused(finding), f"{where}: does what it must not, and is not refused: {finding}")
        (answer,) = result.statements
        _same_answer(where, statement, answer, finding)
        _same_violation(where, statement, result.violation, finding)
        if result.violation is not None:
            _confirmed(where, scenario, graph, statement, result.violation)


def _may_be_refused(finding: Finding) -> bool:
    return finding.illegal is not None and (finding.settled is None or finding.illegal <= finding.settled)


def _must_be_refused(finding: Finding) -> bool:
    return finding.illegal is not None and (finding.settled is None or finding.illegal < finding.settled)


def _same_together(scenario: Scenario, together: Sequence[Statement], findings: dict[str, Finding]) -> None:
    for engine, explored in _engines(scenario, together):
        _, result = explored()
        where = f"all statements by {engine}"
        broken = {name for name, finding in findings.items() if finding.broken}
        ends = {s.name for s in together if s.name in broken and not s.known}
        insist((result.violation is not None) == bool(ends), f"{where}: {result.violation}, broken are {ends}")
        if result.violation is None:
            for statement, answer in zip(together, result.statements, strict=True):
                _same_answer(f"{where}, {statement.name}", statement, answer, findings[statement.name])
            continue
        insist(result.violation.statement in ends, f"{where}: {result.violation.statement} is not broken")
        one = next(s for s in together if s.name == result.violation.statement)
        _same_violation(f"{where}, {one.name}", one, result.violation, findings[one.name])
        for answer in result.statements:
            wrong = answer.verdict is Verdict.HOLDS and answer.name in broken
            insist(not wrong, f"{where}: {answer.name} is said to hold")


def _same_answer(where: str, statement: Statement, answer: StatementResult, finding: Finding) -> None:
    expected = _expected(statement, finding)
    insist(
        answer.verdict is expected,
        f"{where}: {answer.verdict} ({answer.note}), the reference says {expected}: {finding}",
    )


def _same_violation(where: str, statement: Statement, found: Violation | None, finding: Finding) -> None:
    insist(
        (found is not None) == (finding.broken and not statement.known),
        f"{where}: violation {found}, the reference says {finding}",
    )
    if found is None:
        return
    length = len(found.steps) if found.loop is None else found.loop - 1
    insist(length == finding.length, f"{where}: breaks it after {length} steps, the reference after {finding.length}")
    if statement.kind in LIVENESS:
        insist(found.loop is not None or finding.stops, f"{where}: stops where the reference goes round")


def _confirmed(where: str, scenario: Scenario, graph: Graph, statement: Statement, found: Violation) -> None:
    """The trace is a run of the reference that breaks the statement, and replay says so."""
    relation = Relation(scenario, statement.monitors)
    states, edges = follow(relation, found.steps, where)
    if statement.kind not in LIVENESS:
        insist(breaks(relation, statement, states, edges), f"{where}: its trace breaks nothing in the reference")
    if found.loop is not None:
        begin = found.loop - 1
        insist(states[begin].key() == states[-1].key(), f"{where}: the loop does not close")
        positions = [graph.index[state.key()] for state in states[begin:-1]]
        insist(is_fair_loop(graph, positions, edges[begin:]), f"{where}: the loop is not fair: {found}")
    again = replay(scenario, found.steps, (statement,), found.loop)
    insist(
        again.violation is not None and again.violation.statement == statement.name,
        f"{where}: replay does not confirm {[str(taken.step) for taken in found.steps]}",
    )
    culprit = None if again.violation is None else again.violation.culprit
    insist(culprit == found.culprit, f"{where}: the culprit is {found.culprit}, in the replay it is {culprit}")


def follow(relation: Relation, steps: Sequence[Taken], where: str) -> tuple[list[State], list[Edge]]:
    """The states and steps of the reference along recorded steps."""
    states = [relation.initial()]
    edges: list[Edge] = []
    for number, taken in enumerate(steps):
        possible = [
            edge for edge in relation.edges(states[-1]) if edge.step == taken.step and edge.choices == taken.choices
        ]
        insist(
            len(possible) == 1,
            f"{where}: step {number + 1}, {taken}, is offered {len(possible)} times by the reference",
        )
        edges.append(possible[0])
        states.append(possible[0].state)
    return states, edges


def breaks(relation: Relation, statement: Statement, states: list[State], edges: list[Edge]) -> bool:
    """Whether a run breaks a statement with its last step, or by resting at its end."""
    match statement.kind:
        case StatementKind.ALWAYS:
            return not held_by(statement, states[-1])
        case StatementKind.AUDIT:
            return relation.rests(states[-1]) and not held_by(statement, states[-1])
        case StatementKind.REFINES if not edges:
            return decide(_alone(states[0]), statement).broken
        case StatementKind.STEP | StatementKind.REFINES:
            return bool(edges) and not step_held_by(statement, states[-2], edges[-1])
    return False


def _alone(state: State) -> Graph:
    return Graph([state], {state.key(): 0}, [0], [[]], [False], [])


def _same_walks(scenario: Scenario, relation: Relation, legal: Sequence[Statement], seed: int) -> None:
    random = Random(seed)
    decided = tuple(s for s in legal if s.kind not in LIVENESS)
    for number in range(WALKS):
        result = walk(
            scenario, random.randbytes(number * 20), random.randbytes(2 * sum(scenario.faults.values())), decided
        )
        where = f"walk {number}"
        states, edges = follow(relation, result.steps, where)
        happened, known = set(), set()
        for end in range(len(states)):
            last = end == len(edges)
            for statement in decided:
                if statement.kind is StatementKind.SOMETIMES:
                    happened |= set() if held_by(statement, states[end]) else {statement.name}
                    continue
                if statement.kind is StatementKind.AUDIT and not (last and result.quiescent):
                    continue
                if not breaks(relation, statement, states[: end + 1], edges[:end]):
                    continue
                if statement.known:
                    known.add(statement.name)
                    continue
                insist(last and result.violation is not None, f"{where}: step {end} breaks {statement.name}, unnoticed")
        if result.violation is not None:
            broken = next((s for s in decided if s.name == result.violation.statement), None)
            insist(
                broken is not None and breaks(relation, broken, states, edges),
                f"{where}: {result.violation.statement} is not broken",
            )
        else:
            insist(result.happened.keys() == happened, f"{where}: {result.happened} happened, expected {happened}")
            insist(result.known_broken.keys() == known, f"{where}: {result.known_broken} is known, expected {known}")
        insist(not result.quiescent or relation.rests(states[-1]), f"{where}: does not rest")


def _same_lockstep(scenario: Scenario, relation: Relation, monitors: tuple[type, ...], seed: int) -> None:
    """The world that is changed in place and the reference, along one run drawn from the reference's steps."""
    random = Random(seed + 1)
    script: list[int] = []

    def strike(affordable: bool) -> bool:
        return script.pop(0) == 1

    watching = tuple(s for s in scenario.statements if s.monitors)
    world = World(scenario, lambda count, fair: script.pop(0), strike, strict=True, statements=watching)
    state = relation.initial()
    for number in range(LOCKSTEP):
        _same_form(f"world after {number} steps", from_world(world), state)
        insist(world.quiescent() == relation.rests(state), f"world after {number} steps: quiescent or not")
        for what, ours, theirs in (
            ("system", world.system_steps(), relation.system_steps(state)),
            ("fault", world.fault_steps(), relation.fault_steps(state)),
        ):
            insist(
                len(ours) == len(set(ours)) and set(ours) == set(theirs),
                f"world after {number} steps: {what} steps {ours}, the reference offers {theirs}",
            )
        edges = list(relation.edges(state))
        if not edges:
            return
        edge = random.choice(edges)
        script[:] = edge.choices
        made = world.take(edge.step)
        insist(made == edge.choices, f"world takes {edge.step} with choices {made}, not {edge.choices}")
        state = edge.state
    _same_form("world at the end", from_world(world), state)


def _same_form(where: str, ours: State, theirs: State) -> None:
    if ours.key() != theirs.key():
        raise Differs(f"{where}:\n  is        {ours}\n  should be {theirs}")


def _simulated_steps(scenario: Scenario, monitors: tuple[type, ...], seed: int) -> None:
    """Every step of a timed run is one of the relation in which no timer waits for others, and changes the same."""
    random = Random(seed + 2)
    crashes = [unit for unit in scenario.crashable if random.random() < 0.7]
    free = replace(
        scenario,
        faults={kind: len(crashes) for kind in scenario.faults if kind == "crash"},
        recoverable=frozenset(),
        cuttable=(),
    )
    relation = Relation(free, monitors, hasty=True)
    taken: list[tuple[Taken, Hashable]] = []

    def hear(_: int, step: Taken) -> None:
        living = {slot: seat.process if seat.alive else None for slot, seat in simulation.seats.items()}
        taken.append((step, _forms(living)))

    happenings = [Happening(random.choice((0, 50, 150, 300)), unit) for unit in crashes]
    simulation = Simulation(free, seed, happenings=happenings, on_step=hear)
    with suppress(ModelError):  # On a clock a patient timer may fire where the untimed model would never let it.
        simulation.run(max_events=60)
    possible = {(state := relation.initial()).key(): state}
    for number, (one, forms) in enumerate(taken):
        following = {}
        for state in possible.values():
            if one.step not in (*relation.system_steps(state), *relation.fault_steps(state)):
                continue
            try:
                ways = list(relation.ways(state, one.step))
            except Breach:  # A clock has no end, and a book may send without bound.
                return
            for edge in ways:
                made = _forms({slot: holder.process for slot, holder in edge.state.holders.items()})
                if edge.choices == one.choices and made == forms:
                    following[edge.state.key()] = edge.state
        insist(following, f"simulate: step {number + 1}, {one}, is none of the relation, or does something else")
        possible = following


def _forms(living: Mapping[str, Process | None]) -> Hashable:
    """The states of processes by slot; None for the dead."""
    return tuple(
        process and tuple(canonical(getattr(process, name)) for name in names_of_state(type(process)))
        for process in living.values()
    )


def _same_reduced(scenario: Scenario, graph: Graph, plain: Graph, legal: Sequence[Statement], seed: int) -> None:
    """A reduced search that nothing speaks against gives the same verdicts, without any gate."""
    more = (
        Claim("always", ("Actor",), ("no message", LABELS[seed % 3]), links=("*", "*")),
        Claim("always", ("Actor",), ("never", "Actor", "xy"[seed % 2], 1 + seed % 2)),
        Claim("audit", ("Actor",), ("never", "Actor", "yx"[seed % 2], 1 + seed % 2)),
    )
    fit = [s for s in legal if s.kind in REDUCIBLE]
    for statement in (*fit, *(statement_of(claim, 100 + number) for number, claim in enumerate(more))):
        finding = decide(graph if statement.monitors else plain, statement)
        limits = Limits(states=3 * LIMIT)
        full = ReducedExplorer(scenario, (), (statement,), limits, beyond=True)
        full.run()
        reductions: tuple[Reduction, ...] = (Invisible("invisible"),)
        if interchangeable(scenario) and not scenario.cuttable and not statement.monitors:
            reductions = (*reductions, Symmetry("symmetry"))
        for reduction in reductions:
            where = f"{statement.name} ({statement.kind}) reduced by {reduction.name}"
            try:
                reduced, result = search_reduced(scenario, (reduction,), (statement,), limits, full.fields_read())
            except ToldApart:
                continue
            if reduced.objection():
                continue
            (answer,) = result.statements
            _same_answer(where, statement, answer, finding)
            insist(reduced.state_count() <= full.state_count(), f"{where}: finds more states than the full search")
            if result.violation is not None:
                again = replay(scenario, result.violation.steps, (statement,)).violation
                insist(again is not None, f"{where}: replay does not confirm {result.violation.steps}")
