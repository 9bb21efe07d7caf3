"""What a generic scope is, and how independent parts stand side by side in one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from rayproof.model.kernel import FaultKind, LinkRule, Process, Scenario
from rayproof.model.swap import Swap


@dataclass(frozen=True)
class GenericScope:
    """A scope by name. `build(swap, ample)` makes it; ample: with more memory than it can use."""

    name: str
    build: Callable[[Swap, bool], Scenario]

    def has(self, kinds: set[type[Process]]) -> bool:
        """Whether a process of one of these types is in the scope."""
        return any(type(process) in kinds for process in self.build({}, False).initial().values())


def side_by_side(name: str, *parts: Scenario) -> Scenario:
    """One scope of parts that exchange nothing. A budget of faults is the largest of any part, and is shared."""
    first = parts[0]
    faults: dict[FaultKind, int] = {}
    for part in parts:
        for kind, budget in part.faults.items():
            faults[kind] = max(budget, faults.get(kind, 0))
    return replace(
        first,
        name=name,
        component="cluster",
        processes={slot: made for part in parts for slot, made in part.processes.items()},
        statements=tuple(statement for part in parts for statement in part.statements),
        links=tuple(rule for part in parts for rule in _own(part)),
        services=frozenset().union(*(part.services for part in parts)),
        # A unit that cannot crash may have the name of another part's slot.
        units={unit: slots for part in parts for unit, slots in part.units.items() if unit in part.crashable},
        crashable=tuple(unit for part in parts for unit in part.crashable),
        recoverable=frozenset().union(*(part.recoverable for part in parts)),
        watchers={slot: who for part in parts for slot, who in part.watchers.items()},
        cuttable=tuple(pair for part in parts for pair in part.cuttable),
        faults=faults,
        max_incarnations=max(part.max_incarnations for part in parts),
        rounds=max(part.rounds for part in parts),
        drain_limit=max(part.drain_limit for part in parts),
        rests=all(part.rests for part in parts),
        constants={f"{part.name}: {key}": value for part in parts for key, value in part.constants.items()},
    )


def _own(part: Scenario) -> Iterator[LinkRule]:
    """The rules of a part, none of which speaks of the links of another."""
    for rule in part.links:
        if rule.sender == "*":
            yield from (replace(rule, sender=slot) for slot in part.processes)
        else:
            yield rule
