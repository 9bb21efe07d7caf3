"""What the statements of a scenario are worth: every kind decided by its definition, on the plain state graph.

Written from docs/kernel.md and docs/liveness.md. Safety looks at every state and step. Liveness asks for a waiting
run that stops, or goes round a loop that fairness allows; loops are looked for by taking away, from a strongly
connected set of steps, what no fair run through it can use, until nothing is owed or nothing is left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from rayproof.model.kernel import Fire, Message, Name, Process, Statement, StatementKind, Step, Taken, TimerKind
from tests.reference.relation import Edge, Graph, State, canonical, copied, names_of_state, slot_in


class Illegal(Exception):
    """A statement looks at something that it does not declare, or writes to what it sees."""


class View:
    """What a statement sees of a state."""

    def __init__(self, state: State, statement: Statement) -> None:
        self._state = state
        self._statement = statement
        self._shown: list[tuple[Process, Process]] = []
        """What it was shown, beside a copy of how that was."""

    def show(self, process: Process) -> Process:
        """A copy of a process, so that nothing is changed by writing to it."""
        self._shown.append((copied(process), process))
        return self._shown[-1][0]

    def close(self) -> None:
        """Raises `Illegal` when the statement has written to something."""
        for one, other in self._shown:
            for name in names_of_state(type(other)):
                mine, was = getattr(one, name), getattr(other, name)
                if mine is not was and canonical(mine) != canonical(was):
                    raise Illegal(f"{self._statement.name} writes")

    def of(self, kind: type[Process]) -> dict[Name, Process]:
        """Live processes of a kind."""
        if not issubclass(kind, self._statement.reads):
            raise Illegal(f"{self._statement.name} reads {kind.__name__}")
        return {
            self._state.name(slot): self.show(holder.process)
            for slot, holder in self._state.holders.items()
            if holder.process is not None and issubclass(holder.kind, kind)
        }

    def one(self, kind: type[Process]) -> Process | None:
        """The process of a kind that one slot holds; None when it is down."""
        found = self.of(kind)
        if sum(issubclass(holder.kind, kind) for holder in self._state.holders.values()) != 1:
            raise Illegal(f"{self._statement.name} asks for the one {kind.__name__}")
        return next(iter(found.values()), None)

    @property
    def dead(self) -> frozenset[Name]:
        """Names of the dead among the processes that the statement reads."""
        return frozenset(
            self._state.name(slot)
            for slot, holder in self._state.holders.items()
            if holder.process is None and issubclass(holder.kind, self._statement.reads)
        )

    def monitor(self, kind: type) -> Any:
        """A monitor."""
        if kind not in self._statement.monitors:
            raise Illegal(f"{self._statement.name} reads {kind.__name__}")
        return self._state.monitors[kind]

    def messages(self) -> list[tuple[Name, Name, str, Message]]:
        """Messages in flight on the links that the statement declares."""
        if self._statement.links is None:
            raise Illegal(f"{self._statement.name} reads messages")
        senders, receivers = self._statement.links
        return [
            (*key, message)
            for key, queue in sorted(self._state.links.items(), key=lambda link: link[0])
            if fnmatchcase(slot_in(key[0]), senders) and fnmatchcase(slot_in(key[1]), receivers)
            for message in queue
        ]


@dataclass(frozen=True)
class Finding:
    """The answer about one statement."""

    broken: bool
    length: int | None = None
    """Steps of a shortest way to break it: to the state, through the step, or to where the loop begins."""
    idle: bool = False
    """It could not fail here, or what it asks for never happened."""
    stops: bool = False
    """The run of a claim about runs stops there, rather than going round."""
    illegal: int | None = None
    """Steps of a shortest way to where its check does what it must not; None when it never does."""
    settled: int | None = None
    """Steps after which nobody asks any more: of a shortest way to break it, or to what happens sometimes."""


def asked(statement: Statement, states: Sequence[State], ask: Callable[..., Any]) -> Any:
    """What a function of a statement says of some states; raises `Illegal` when it does what it must not."""
    views = [View(state, statement) for state in states]
    answer = ask(*views)
    for view in views:
        view.close()
    return answer


def held_by(statement: Statement, state: State) -> bool:
    """Whether the check of a statement holds in a state."""
    if not statement.each:
        return bool(asked(statement, [state], statement.check))

    def each(view: View) -> bool:
        return all(statement.check(process) for kind in statement.reads for process in view.of(kind).values())

    return bool(asked(statement, [state], each))


def abstract(statement: Statement, state: State) -> Any:
    """The abstract state of a refinement."""
    return asked(statement, [state], statement.check)


def step_held_by(statement: Statement, before: State, edge: Edge) -> bool:
    """Whether a statement about steps, or a refinement, holds of one step."""
    if statement.kind is StatementKind.STEP:
        taken = Taken(edge.step, edge.choices)
        return bool(asked(statement, [before, edge.state], lambda one, other: statement.check(one, taken, other)))
    assert statement.then is not None
    one, other = abstract(statement, before), abstract(statement, edge.state)
    return bool(one == other or statement.then(one, other))


def decide(graph: Graph, statement: Statement) -> Finding:
    """The answer about a statement on an exhausted scope."""
    idle = bool(statement.reads) and not any(
        issubclass(holder.kind, statement.reads) for holder in graph.states[0].holders.values()
    )
    if statement.kind in (StatementKind.EVENTUALLY, StatementKind.LEADS_TO, StatementKind.PROGRESS):
        return _decide_run(graph, statement, idle)
    answers: dict[bool | None, int] = {}
    """Answer, None for an illegal one -> steps of a shortest way to it."""

    def note(depth: int, question: Callable[[], bool]) -> None:
        try:
            answer: bool | None = question()
        except Illegal:
            answer = None
        answers[answer] = min(depth, answers.get(answer, depth))

    for position, (state, depth) in enumerate(zip(graph.states, graph.depth, strict=True)):
        if statement.kind in (StatementKind.STEP, StatementKind.REFINES):
            for edge, _ in graph.edges[position]:
                note(depth + 1, lambda state=state, edge=edge: step_held_by(statement, state, edge))  # type: ignore[misc]
        elif statement.kind is not StatementKind.AUDIT or graph.rests[position]:
            note(depth, lambda state=state: held_by(statement, state))  # type: ignore[misc]
    if statement.kind is StatementKind.REFINES:
        note(0, lambda: bool(abstract(statement, graph.states[0]) == statement.initial))
        if None not in answers:
            idle = idle or len({abstract(statement, state) for state in graph.states}) < 2
    if statement.kind is StatementKind.AUDIT:
        idle = idle or not any(graph.rests)
    if statement.kind is StatementKind.SOMETIMES:
        return Finding(False, idle=True not in answers, illegal=answers.get(None), settled=answers.get(True))
    broken = answers.get(False)
    return Finding(broken is not None, broken, idle and broken is None, illegal=answers.get(None), settled=broken)


# ---- runs ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Move:
    source: int
    target: int
    edge: Edge


def _decide_run(graph: Graph, statement: Statement, nobody: bool) -> Finding:
    count = len(graph.states)
    moves = [_Move(source, target, edge) for source, out in enumerate(graph.edges) for edge, target in out]
    if statement.kind is StatementKind.PROGRESS:
        region = dict(enumerate(graph.depth))
        stuck: set[int] = set()
        inside = [move for move in moves if not statement.check(move.edge.step)]
    else:
        try:
            first = [held_by(statement, state) for state in graph.states]
            then = [bool(statement.then and asked(statement, [state], statement.then)) for state in graph.states]
        except Illegal:
            return Finding(False, illegal=0)
        if statement.kind is StatementKind.EVENTUALLY:
            over, begins = first, [position == 0 for position in range(count)]
            nobody = nobody or first[0]
        else:
            over, begins = then, first
            nobody = nobody or not any(first)
        region = _waiting(graph, begins, over)
        stuck = {p for p in region if not any(edge.system for edge, _ in graph.edges[p])}
        inside = [move for move in moves if move.source in region and move.target in region]
    bad = stuck | {move.source for move in fair_moves(graph, inside)}
    if not bad:
        return Finding(False, idle=nobody)
    length = min(region[position] for position in bad)
    return Finding(True, length, stops=any(region[p] == length for p in stuck))


def _waiting(graph: Graph, begins: list[bool], over: list[bool]) -> dict[int, int]:
    """The states in which a run can stand while it waits, with the steps of a shortest such run."""
    found: dict[int, int] = {}
    starts = {p for p in range(len(graph.states)) if begins[p] and not over[p]}
    reached: set[int] = set()
    length = 0
    while starts or reached:
        level = (reached | {p for p in starts if graph.depth[p] == length}) - found.keys()
        found |= dict.fromkeys(level, length)
        reached = {target for p in level for _, target in graph.edges[p] if not over[target]}
        starts -= found.keys()
        length += 1
    return found


def fair_moves(graph: Graph, moves: list[_Move]) -> list[_Move]:
    """The moves that some fair loop among the given ones uses."""
    found = []
    for part in _components(moves):
        left = _without_the_unfair(graph, part)
        found += part if left is None else fair_moves(graph, left)
    return found


def _components(moves: list[_Move]) -> list[list[_Move]]:
    """The moves inside each strongly connected component: reached, and reaching back."""
    out: dict[int, set[int]] = {}
    for move in moves:
        out.setdefault(move.source, set()).add(move.target)

    def reached(start: int) -> set[int]:
        seen: set[int] = set()
        todo = [start]
        while todo:
            for target in out.get(todo.pop(), ()):
                if target not in seen:
                    seen.add(target)
                    todo.append(target)
        return seen

    reach = {source: reached(source) for source in out}
    parts: dict[frozenset[int], list[_Move]] = {}
    for move in moves:
        if move.source in reach.get(move.target, ()):
            whole = frozenset(p for p in reach[move.source] if move.source in reach.get(p, ()))
            parts.setdefault(whole, []).append(move)
    return list(parts.values())


def _without_the_unfair(graph: Graph, part: list[_Move]) -> list[_Move] | None:
    """What is left of a strongly connected part when a whole tour of it is not fair; None when it is."""
    where = {move.source for move in part}
    taken = {move.edge.step for move in part}
    enabled: dict[Step, set[int]] = {}
    for position in where:
        for edge, _ in graph.edges[position]:
            if edge.system:
                enabled.setdefault(edge.step, set()).add(position)
    armed = {timer for move in part for timer in move.edge.armed}
    for step, states in enabled.items():
        if step in taken:
            continue
        if isinstance(step, Fire) and _is_patient(graph, states, step):
            stays = all(step.timer in _timers(graph, p, step.process) for p in where)
            if stays and (step.process, step.timer) not in armed:
                # It fires unless the run keeps away from where it can.
                return [move for move in part if move.source not in states and move.target not in states]
        elif states == where:
            return []
    unfair = _draws_that_lead_away(graph, part)
    return [move for move in part if id(move.edge) not in unfair] if unfair else None


def is_fair_loop(graph: Graph, positions: list[int], edges: list[Edge]) -> bool:
    """Whether a run that goes round these states by these steps for ever owes nothing."""
    moves = []
    for source, target, edge in zip(positions, [*positions[1:], positions[0]], edges, strict=True):
        ways = [way for way, _ in graph.edges[source] if way.step == edge.step and way.choices == edge.choices]
        moves += [_Move(source, target, way) for way in ways]
    return len(moves) == len(edges) and _without_the_unfair(graph, moves) is None


def _timers(graph: Graph, position: int, process: Name) -> Mapping[str, tuple[TimerKind, int]]:
    state = graph.states[position]
    slot = slot_in(process)
    return state.holders[slot].timers if state.lives(slot) and state.name(slot) == process else {}


def _is_patient(graph: Graph, states: set[int], step: Fire) -> bool:
    kinds = {_timers(graph, p, step.process)[step.timer][0] for p in states}
    return bool(kinds & {TimerKind.PATIENT, TimerKind.EAGER})


def _draws_that_lead_away(graph: Graph, part: list[_Move]) -> set[int]:
    """Edges below a fair draw that has a result which does not stay in the part."""
    inside = {id(move.edge) for move in part}
    unfair: set[int] = set()
    for source, step in {(move.source, move.edge.step) for move in part}:
        ways = [edge for edge, _ in graph.edges[source] if edge.step == step]
        for edge in ways:
            for at, fair in enumerate(edge.fair):
                if not fair:
                    continue
                same = [way for way in ways if way.choices[:at] == edge.choices[:at]]
                results = {way.choices[at] for way in same}
                staying = {way.choices[at] for way in same if id(way) in inside}
                if staying and staying != results:
                    unfair |= {id(way) for way in same if id(way) in inside}
    return unfair
