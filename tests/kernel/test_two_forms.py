"""The packed step relation of explore and the world changed in place are one relation."""

from random import Random

import pytest

from rayproof.model.gcs.chain.scenarios import (
    EXTENSION_CRASH,
    RESTART,
    RETRIES,
    STALE,
    SUSPICION,
    build_chain,
    chain,
)
from rayproof.model.kernel import Scenario, World
from rayproof.model.kernel.language.process import state_fields
from rayproof.model.kernel.language.values import freeze
from rayproof.model.kernel.relation.transitions import Transitions
from tests.kernel.toys import office

SCENARIOS = [
    chain(3, 2, 2),
    *(build_chain(scope) for scope in (EXTENSION_CRASH, RESTART, RETRIES, STALE, SUSPICION)),
    office(),
    office(crash=1),
    office(crash=2, restart=1),
    office(cut=1, lose=1),
    office(duplicate=1, lose_reply=1),
    office(early_timeout=2, fail_write=1),
    office(crash=1, truncate=1, suspect=1),
    office(crash=1, cut=1, lose=1, duplicate=1, lose_reply=1, early_timeout=1, fail_write=1, suspect=1, truncate=1),
]


def ids(scenario: Scenario) -> str:
    return scenario.name + "-" + "-".join(scenario.faults)


def form_of_world(world: World) -> dict[str, object]:
    """Everything that makes up a global state, by name."""
    form: dict[str, object] = {"cuts": frozenset(world.cuts), "messages": dict(world.messages())}
    for seat in world.seats.values():
        fields = tuple(freeze(getattr(seat.process, name)) for name in state_fields(type(seat.process)))
        timers = tuple(sorted(seat.timers.items()))
        form[seat.slot] = (seat.alive, seat.name, fields if seat.alive else None, timers)
    form["spent"] = {kind: count for kind, count in world.spent.items() if world.scenario.budget(kind)}
    return form


def form_of_packed(transitions: Transitions, state: int) -> dict[str, object]:
    packing = transitions.packing
    fields = packing.unpack(state)
    cuts = packing.cuts[fields[packing.cuts_at]]
    form: dict[str, object] = {"cuts": cuts, "messages": packing.messages_in(fields)}
    for slot, local in zip(packing.interner.slots, packing.processes_in(fields), strict=True):
        process = local.process
        values = tuple(freeze(getattr(process, name)) for name in state_fields(type(process)))
        form[slot] = (local.alive, local.name, values if local.alive else None, tuple(sorted(local.timers.items())))
    form["spent"] = dict(zip(packing.kinds, packing.budgets[fields[packing.budget_at]], strict=True))
    return form


@pytest.mark.parametrize("scenario", SCENARIOS, ids=ids)
def test_same_steps_and_same_states_along_random_runs(scenario: Scenario) -> None:
    random = Random(7)
    transitions = Transitions(scenario)
    taken_kinds = set()
    for _ in range(60):
        script: list[int] = []

        def decide(count: int, fair: bool, script: list[int] = script) -> int:
            return script.pop(0)

        def strike(affordable: bool, script: list[int] = script) -> bool:
            return script.pop(0) == 1

        world = World(scenario, decide, strike, strict=True)
        state = transitions.initial
        for _ in range(60):
            assert form_of_world(world) == form_of_packed(transitions, state)
            successors, quiescent = transitions.successors(state)
            assert quiescent == world.quiescent()
            offered = set(world.system_steps()) | set(world.fault_steps())
            assert {outcome.taken.step for _, outcome in successors} == offered
            if not successors:
                break
            state, outcome = random.choice(successors)
            script[:] = outcome.taken.choices
            assert world.take(outcome.taken.step) == outcome.taken.choices
            taken_kinds.add(type(outcome.taken.step).__name__ + str(getattr(outcome.taken.step, "kind", "")))
    for kind in scenario.faults:
        assert kind in ("early_timeout", "fail_write") or f"Fault{kind}" in taken_kinds, f"{kind} never struck"
