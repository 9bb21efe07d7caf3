"""Does a plan work? Replayed move by move by the placement checker; shares nothing with what makes plans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from rayproof.solver.instances import Instance
from rayproof.solver.placement.checker import PlacementError, Seat, placement_faults


@dataclass(frozen=True, slots=True)
class Move:
    """One occupant moves; the target holds it before the source lets go."""

    occupant: str
    source: str
    target: str
    gpu: int | None = None
    """The device it shares on the target, for a demand below one GPU."""

    def __str__(self) -> str:
        return f"{self.occupant} ({self.source} -> {self.target})"


@dataclass(frozen=True)
class Plan:
    """Moves in order. Which device a fraction of a GPU holds at first is not part of an instance: `start` says it."""

    start: Mapping[str, Seat]
    moves: tuple[Move, ...]
    admitted: Mapping[str, Seat]
    """Where the pending ones sit afterwards."""


def require_plan(instance: Instance, plan: Plan) -> None:
    """Raise `PlacementError` with the first fault of a plan."""
    for fault in plan_faults(instance, plan):
        raise PlacementError(f"{instance.name}: {fault}")


def plan_faults(instance: Instance, plan: Plan) -> Iterator[str]:
    """Everything wrong with a plan, in words."""
    homes = {item.id: item.node for item in instance.occupants if item.node is not None}
    if {name: node for name, (node, _) in plan.start.items()} != homes:
        yield "the plan does not start where the occupants sit"
        return
    now = dict(plan.start)
    for number, move in enumerate(plan.moves, 1):
        if move.occupant not in now or now[move.occupant][0] != move.source or move.source == move.target:
            yield f"move {number}, {move}: it is not on {move.source}"
            return
        now[move.occupant] = move.target, move.gpu
        yield from (f"move {number}, {move}: {fault}" for fault in placement_faults(instance, now, everyone=False))
        # From here on it lives there; coming back is held to its labels again.
        instance = replace(
            instance,
            occupants=tuple(
                replace(item, node=move.target) if item.id == move.occupant else item for item in instance.occupants
            ),
        )
    yield from (f"at the end: {fault}" for fault in placement_faults(instance, {**now, **plan.admitted}))
