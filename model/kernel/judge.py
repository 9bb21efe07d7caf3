"""Statements evaluated on a world that is changed in place, after each step that could matter."""

from __future__ import annotations

from collections.abc import Iterable

from rayproof.model.kernel.errors import PolicyError
from rayproof.model.kernel.process import Process, blank, state_fields
from rayproof.model.kernel.statements import Monitor, Statement, StatementKind, StateView
from rayproof.model.kernel.steps import Taken
from rayproof.model.kernel.values import copy
from rayproof.model.kernel.world import World


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
            self._before[statement.name] = self._kept_view(statement)
        for statement in self._refinements:
            self._abstract[statement.name] = statement.check(self._world.view(statement))

    def after_step(self, taken: Taken | None) -> Statement | None:
        """The first statement that the present state, or the step into it, breaks."""
        if not self._watches:
            return None
        world = self._world
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
                for statement in found[0]:
                    if not statement.check(seat.process) and not self._is_known(statement):
                        return statement
            if found[1]:
                concerned |= found[1]
        moved = {kind for kind, monitor in world.monitors.items() if self._monitors[kind] is not monitor}
        for kind in moved:
            self._monitors[kind] = world.monitors[kind]
        for statement in self._views:
            relevant = (
                statement.name in concerned or statement.links is not None or not moved.isdisjoint(statement.monitors)
            )
            if relevant and not statement.check(world.view(statement)) and not self._is_known(statement):
                return statement
        for statement in self._sometimes:
            relevant = (
                statement.name in concerned or statement.links is not None or not moved.isdisjoint(statement.monitors)
            )
            if relevant and statement.name not in self.happened and statement.check(world.view(statement)):
                self.happened.add(statement.name)
        if taken is not None:
            for statement in self._steps:
                holds = statement.check(self._before[statement.name], taken, world.view(statement))
                if not holds and not self._is_known(statement):
                    return statement
        for statement in self._refinements:
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
                passed = all(statement.check(seat.process) for seat in seats)
            else:
                passed = statement.check(world.view(statement))
            if not passed and not self._is_known(statement):
                return statement
        return None

    def _is_known(self, statement: Statement) -> bool:
        if statement.known:
            self.known_broken.add(statement.name)
        return bool(statement.known)

    def _kept_view(self, statement: Statement) -> StateView:
        kept = {}
        dead = set()
        for seat in self._world.seats.values():
            if not isinstance(seat.process, statement.reads):
                continue
            if not seat.alive:
                dead.add(seat.name)
                continue
            duplicate = blank(seat.process)
            for name in state_fields(type(seat.process)):
                setattr(duplicate, name, copy(getattr(seat.process, name)))
            kept[seat.name] = duplicate
        return StateView(kept, frozenset(dead), self._world.messages, dict(self._world.monitors))
