"""A patient timer is armed long before it fires, if it ever does: until then its handler has not run."""

from dataclasses import dataclass

import pytest

from rayproof.model.kernel import (
    Context,
    Deliver,
    Explorer,
    Fire,
    Message,
    ModelError,
    Name,
    Process,
    Scenario,
    TimerKind,
    Unhandled,
)


@dataclass(frozen=True, slots=True)
class Sleep(Message):
    pass


@dataclass(slots=True)
class Bed(Process):
    """Its handler raises an error when it is run while the sleeper is still awake."""

    asleep: bool = False
    rung: bool = False

    def start(self, ctx: Context) -> None:
        ctx.set_timer("alarm", kind=TimerKind.PATIENT)
        ctx.send("bed", Sleep())

    def fire(self, ctx: Context, timer: str) -> None:
        if not self.asleep:
            raise AssertionError("the alarm was tried in a state in which it cannot ring")
        self.rung = True

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        match message:
            case Sleep():
                self.asleep = True
            case _:
                raise Unhandled(message)


def test_the_handler_of_a_patient_timer_is_not_run_before_it_fires() -> None:
    scenario = Scenario("bedroom", "tests", {"bed": Bed})
    explorer = Explorer(scenario, ())
    transitions = explorer.transitions
    (first, quiescent) = transitions.successors(transitions.initial)
    assert [outcome.taken.step for _, outcome in first] == [Deliver("bed", "bed")] and not quiescent
    assert not any(stimulus[0] == "fire" for _, _, stimulus, _ in transitions.interner.remembered())
    assert explorer.run().states == 3
    (second, _) = transitions.successors(first[0][0])
    assert [outcome.taken.step for _, outcome in second] == [Fire("bed", "alarm")]
    assert sum(stimulus[0] == "fire" for _, _, stimulus, _ in transitions.interner.remembered()) == 1


def test_a_timer_that_may_fire_at_any_time_is_tried_at_once() -> None:
    class Restless(Bed):
        __slots__ = ()

        def start(self, ctx: Context) -> None:
            ctx.set_timer("alarm", kind=TimerKind.PROGRAM)
            ctx.send("bed", Sleep())

    with pytest.raises(ModelError, match="cannot ring"):
        Explorer(Scenario("bedroom", "tests", {"bed": Restless}), ()).run()
