"""A scenario: the processes, the links, what may break and every bound. All drivers take one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from rayproof.model.kernel.errors import ModelError
from rayproof.model.kernel.faults import FaultKind
from rayproof.model.kernel.links import LinkRule, RuleBook
from rayproof.model.kernel.process import Name, Process, Slot, constant_fields, state_fields
from rayproof.model.kernel.statements import Statement
from rayproof.model.kernel.timing import Timing
from rayproof.model.kernel.values import freeze, mutable_parts, require_immutable


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
        """The rule that holds for a link."""
        return self._rule_book.rule(sender, receiver, channel)

    @cached_property
    def _rule_book(self) -> RuleBook:
        return RuleBook(self.links)

    @cached_property
    def _checked(self) -> bool:
        """Raises `ModelError` when two processes share a mutable part or a field has no canonical form."""
        made = {slot: make() for slot, make in self.processes.items()}
        owner: dict[int, str] = {}
        for slot, process in made.items():
            kind = type(process)
            for name in state_fields(kind):
                value = getattr(process, name)
                try:
                    freeze(value)
                except ModelError as error:
                    raise ModelError(f"field {name} of {slot} ({kind.__name__}): {error}") from None

                def claim(identity: int, where: str = f"{slot}.{name}") -> None:
                    other = owner.setdefault(identity, where)
                    if other != where:
                        raise ModelError(f"{other} and {where} share one mutable value; a process owns its state")

                mutable_parts(value, claim)
            for name in constant_fields(kind):
                value = getattr(process, name)
                if isinstance(value, list | dict | set):
                    require_immutable(value, f"constant {name} of {slot}")
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
