"""A scenario: the processes, the links, what may break and every bound. All drivers take one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from rayproof.model.kernel.language.errors import ModelError
from rayproof.model.kernel.language.faults import FaultKind
from rayproof.model.kernel.language.links import LinkRule, RuleBook
from rayproof.model.kernel.language.process import Name, Process, Slot, constant_fields, slot_of, state_fields
from rayproof.model.kernel.language.statements import Declared, Statement
from rayproof.model.kernel.language.timing import Timing
from rayproof.model.kernel.language.values import TOO_DEEP, freeze, mutable_parts, require_fixed_constant


@dataclass(frozen=True)
class Scenario:
    """A system with its environment and its bounds."""

    name: str
    component: str
    """Part of the model it is about: gcs, scheduler, objects, lineage, actors or cluster."""
    processes: Mapping[Slot, Callable[[], Process]]
    """A factory per slot; called anew for each run and each incarnation."""
    statements: tuple[Statement, ...] = ()
    links: tuple[LinkRule, ...] = ()
    services: frozenset[Slot] = frozenset()
    """Slots whose address outlives their process: a send to the slot reaches the present incarnation."""
    units: Mapping[str, tuple[Slot, ...]] = field(default_factory=dict)
    """What crashes together (a node); a slot in no unit is a unit of its own."""
    crashable: tuple[str, ...] = ()
    recoverable: frozenset[str] = frozenset()
    """Units that come back by themselves, sooner or later."""
    watchers: Mapping[Slot, tuple[Slot, ...]] = field(default_factory=dict)
    """Who is told `Down` when the process in a slot dies."""
    cuttable: tuple[tuple[Slot, Slot], ...] = ()
    heals: bool = True
    """Whether a cut heals by itself, sooner or later."""
    faults: Mapping[FaultKind, int] = field(default_factory=dict)
    """Budget per kind of fault; absent means none."""
    max_incarnations: int = 2
    """How many processes may hold a slot, one after the other."""
    rounds: int = 0
    """How often a periodic timer fires in an explored scope."""
    drain_limit: int = 10_000
    """Steps after which an audit gives up (undetermined)."""
    rests: bool = True
    """Whether every run is expected to come to rest; otherwise walks end unaudited, and that leaves nothing open."""
    depth_limit: int = 100_000
    constants: Mapping[str, Any] = field(default_factory=dict)
    """What the scope is made of, for people: number of raylets, tasks, crashes ..."""
    expected_idle: frozenset[str] = frozenset()
    """Names of statements that cannot matter here: a `sometimes` that does not happen, a premise that never holds."""
    timing: Timing | None = None
    """Durations for timed runs."""

    def initial(self) -> dict[Slot, Process]:
        """Fresh processes."""
        self._checked  # noqa: B018 - once per scenario
        return {slot: make() for slot, make in self.processes.items()}

    def rule(self, sender: Name, receiver: Name, channel: str) -> LinkRule:
        """The rule that holds for a link; raises `ModelError` when it leads to no slot."""
        if slot_of(receiver) not in self.processes:
            raise ModelError(f"{sender} sends to {receiver}, which is no slot of scenario {self.name}")
        return self._rule_book.rule(sender, receiver, channel)

    def declared(self, statement: Statement) -> Declared:
        """What a statement may look at here."""
        known = self._declarations.get(id(statement))
        if known is None:
            known = self._declarations[id(statement)] = (Declared(statement, self.initial()), statement)
        return known[0]

    def shown_first(self, slot: Slot, shown: Callable[[], Process]) -> Process:
        """The process in a slot of the initial state, read-only; `shown` is called once: there is one such state."""
        found = self._first.get(slot)
        if found is None:
            found = self._first[slot] = shown()
        return found

    @cached_property
    def _first(self) -> dict[Slot, Process]:
        return {}

    @cached_property
    def _declarations(self) -> dict[int, tuple[Declared, Statement]]:
        return {}

    @cached_property
    def _rule_book(self) -> RuleBook:
        return RuleBook(self.links)

    @cached_property
    def _checked(self) -> bool:
        """Raises `ModelError` when processes share a mutable part, or a field is of a type that is not allowed."""
        made = {slot: make() for slot, make in self.processes.items()}
        owner: dict[int, str] = {}
        # Many processes are told of one program, which may be large.
        constants: set[int] = set()
        for slot, process in made.items():
            kind = type(process)
            if hasattr(process, "__dict__"):
                raise ModelError(f"{kind.__name__} keeps more than its fields: a process is a dataclass with slots")
            for name in state_fields(kind):
                value = getattr(process, name)
                try:
                    freeze(value)
                except (ModelError, RecursionError) as error:
                    why = TOO_DEEP if isinstance(error, RecursionError) else str(error)
                    raise ModelError(f"field {name} of {slot} ({kind.__name__}): {why}") from None

                def claim(identity: int, where: str = f"{slot}.{name}") -> None:
                    other = owner.setdefault(identity, where)
                    if other != where:
                        raise ModelError(f"{other} and {where} share one mutable value; a process owns its state")

                mutable_parts(value, claim)
            for name in constant_fields(kind):
                value = getattr(process, name)
                if id(value) not in constants:
                    require_fixed_constant(value, f"constant {name} of {slot}")
                    constants.add(id(value))
        return True

    def unit_slots(self, unit: str) -> tuple[Slot, ...]:
        """The slots that crash with a unit."""
        if unit in self.units:
            return self.units[unit]
        if unit in self.processes:
            return (unit,)
        raise ModelError(f"scenario {self.name} speaks of the unit {unit}, which is neither a unit nor a slot")

    def budget(self, kind: FaultKind) -> int:
        """How often a kind of fault may strike."""
        return self.faults.get(kind, 0)

    @property
    def budgeted(self) -> frozenset[FaultKind]:
        """Kinds the scenario speaks of; a decision about one is recorded, also when its budget is spent."""
        return frozenset(self.faults)
