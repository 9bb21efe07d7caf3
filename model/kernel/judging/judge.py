"""Statements evaluated on a world that is changed in place, after each step that could matter."""

from __future__ import annotations

from collections.abc import Iterable

from rayproof.model.kernel.language.errors import ModelError, PolicyError
from rayproof.model.kernel.language.process import Process
from rayproof.model.kernel.language.sealed import refused
from rayproof.model.kernel.language.statements import Monitor, Statement, StatementKind, StateView
from rayproof.model.kernel.language.steps import Taken
from rayproof.model.kernel.relation.world import World


class Judge:
    """Watches one world. Statements known to be broken in real Ray are noted and do not end the run."""

    def __init__(self, world: World, statements: Iterable[Statement]) -> None:
        self._world = world
        self.happened: set[str] = set()
        self.known_broken: set[str] = set()
        always = [s for s in statements if s.kind is StatementKind.ALWAYS]
        self._each = [s for s in always if s.each]
        self._views = [s for s in always if not s.each]
        self._steps = [s for s in statements if s.kind is StatementKind.STEP]
        self._refinements = [s for s in statements if s.kind is StatementKind.REFINES]
        self._abstract: dict[str, object] = {}
        self._sometimes = [s for s in statements if s.kind is StatementKind.SOMETIMES]
        self._audits = [s for s in statements if s.kind is StatementKind.AUDIT]
        self._watches = bool(always or self._steps or self._refinements or self._sometimes)
        self._by_type: dict[type[Process], tuple[tuple[Statement, ...], frozenset[str]]] = {}
        self._before: dict[str, StateView] = {}
        self._asked: Statement | None = None
        """Who is to blame for what goes wrong in a check."""
        self._monitors: dict[type, Monitor] = dict(world.monitors)

    def at_start(self) -> Statement | PolicyError | None:
        """What a policy did wrong on the way to the initial state, or the first statement that this breaks."""
        if self._world.flaw is not None:
            return self._world.flaw
        self._world.touched[:] = list(self._world.seats.values())
        return self.after_step(None)

    def before_step(self) -> None:
        """Keep what step statements compare with; call before each step."""
        for statement in self._steps:
            self._before[statement.name] = self._world.view(statement, kept=True)
        for statement in self._refinements:
            self._abstract[statement.name] = statement.ask(self._world.view(statement))

    def after_step(self, taken: Taken | None) -> Statement | None:
        """The first statement that the present state, or the step into it, breaks."""
        if not self._watches:
            return None
        try:
            broken = self._broken(taken)
        except Exception as error:
            if self._asked is None:
                raise
            raise self._asked.blamed(error) from error
        if refused and self._asked is not None:
            raise self._asked.blamed(ModelError(refused[0]))
        return broken

    def _broken(self, taken: Taken | None) -> Statement | None:
        world = self._world
        self._asked = None
        concerned: set[str] = set()
        for seat in world.touched:
            kind = type(seat.process)
            found = self._by_type.get(kind)
            if found is None:
                found = self._by_type[kind] = (
                    tuple(s for s in self._each if issubclass(kind, s.reads)),
                    frozenset(s.name for s in (*self._views, *self._sometimes) if issubclass(kind, s.reads)),
                )
            if found[0] and seat.alive:
                shown = seat.seen or seat.shown()
                for statement in found[0]:
                    self._asked = statement
                    if not statement.check(shown) and not self._is_known(statement):
                        return statement
            if found[1]:
                concerned |= found[1]
        moved = {kind for kind, monitor in world.monitors.items() if self._monitors[kind] is not monitor}
        for kind in moved:
            self._monitors[kind] = world.monitors[kind]
        for statement in self._views:
            relevant = (
                taken is None
                or statement.name in concerned
                or statement.links is not None
                or not moved.isdisjoint(statement.monitors)
            )
            if relevant:
                self._asked = statement
                if not statement.check(world.view(statement)) and not self._is_known(statement):
                    return statement
        for statement in self._sometimes:
            relevant = (
                taken is None
                or statement.name in concerned
                or statement.links is not None
                or not moved.isdisjoint(statement.monitors)
            )
            if relevant and statement.name not in self.happened:
                self._asked = statement
                if statement.check(world.view(statement)):
                    self.happened.add(statement.name)
        if taken is not None:
            for statement in self._steps:
                self._asked = statement
                holds = statement.check(self._before[statement.name], taken, world.view(statement))
                if not holds and not self._is_known(statement):
                    return statement
        for statement in self._refinements:
            self._asked = statement
            if not self._refines(statement, taken is None):
                return statement
        return None

    def _refines(self, statement: Statement, at_start: bool) -> bool:
        after = statement.check(self._world.view(statement))
        before = self._abstract.get(statement.name)
        if at_start:
            return bool(after == statement.initial)
        assert statement.then is not None
        return bool(before == after or statement.then(before, after))

    def at_quiescence(self) -> Statement | None:
        """The first audit that the present, quiescent state does not pass."""
        world = self._world
        for statement in self._audits:
            if statement.each:
                seats = [s for s in world.seats.values() if s.alive and isinstance(s.process, statement.reads)]
                passed = all(statement.ask(seat.shown()) for seat in seats)
            else:
                passed = statement.ask(world.view(statement))
            if not passed and not self._is_known(statement):
                return statement
        return None

    def _is_known(self, statement: Statement) -> bool:
        if statement.known:
            self.known_broken.add(statement.name)
        return bool(statement.known)
