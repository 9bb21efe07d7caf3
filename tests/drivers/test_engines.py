"""The engines agree, and none of them takes a search that was cut short for a proof."""

from dataclasses import dataclass, field, replace
from random import Random

import pytest

from rayproof.model.gcs.paper.scenarios import push
from rayproof.model.kernel import (
    Context,
    Engine,
    Fault,
    FaultKind,
    Heal,
    Limits,
    Message,
    ModelError,
    Name,
    Process,
    Progress,
    Scenario,
    Simulation,
    Statement,
    StateView,
    Symmetry,
    TimerKind,
    Verdict,
    always,
    audit,
    campaign,
    explore,
    explore_reduced,
    replay,
    walk,
)
from rayproof.properties.catalogue import build

SMALL = (
    "chain-3-2-1",
    "chain-stale",
    "today-group-crash",
    "today-crash",
    "store-two-returns",
    "control-slow",
    "pubsub-1-1",
)
ENGINES = (Engine.INTEGERS, Engine.VECTOR)


def decided(scenario: Scenario) -> tuple[Statement, ...]:
    """What every engine decides."""
    return tuple(s for s in scenario.statements if s.kind in ("always", "audit", "sometimes"))


@pytest.mark.parametrize("name", SMALL)
def test_without_fingerprints_the_states_are_the_same(name: str) -> None:
    scenario = build(name)
    integer, exact = (explore(scenario, decided(scenario), engine=e) for e in (Engine.INTEGERS, Engine.EXACT))
    assert (integer.states, integer.transitions, integer.depth) == (exact.states, exact.transitions, exact.depth)
    assert exact.verdict is integer.verdict and not exact.collision


CAPS = (
    (Limits(states=5_000), "states"),
    (Limits(memory_mb=1), "1 MB"),
    (Limits(cpu_s=1e-9), "CPU seconds"),
    (Limits(cpu_s=9, spent_s=9), "the budget of 9 CPU seconds"),
)


@pytest.mark.parametrize(("limits", "why"), CAPS, ids=[why for _, why in CAPS])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_cap_leaves_the_answer_undetermined(engine: Engine, limits: Limits, why: str) -> None:
    scenario = build("cluster-3-3-1")
    seen: list[Progress] = []
    result = explore(scenario, decided(scenario), limits, seen.append, engine=engine)
    assert result.verdict is Verdict.UNDETERMINED
    assert why in result.note and all(
        s.verdict is not Verdict.HOLDS for s in result.statements if s.kind != "sometimes"
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_a_limit_of_depth_leaves_the_answer_undetermined(engine: Engine) -> None:
    scenario = replace(build("chain-3-2-1"), depth_limit=10)
    result = explore(scenario, decided(scenario), engine=engine)
    assert (result.verdict, result.depth) == (Verdict.UNDETERMINED, 10) and "depth" in result.note
    assert campaign(replace(scenario, drain_limit=2), 20, 0).verdict is Verdict.UNDETERMINED


def with_restarts_as_faults() -> Scenario:
    """A raylet that crashes comes back only if that, too, is paid for."""
    made = build("gcs-membership-1-nodes")
    return replace(made, recoverable=frozenset(), faults={FaultKind.CRASH: 1, FaultKind.RESTART: 1})


def with_cuts_that_stay() -> Scenario:
    """A connection that breaks stays broken."""
    always = tuple(s for s in build("pubsub-1-1").statements if s.kind == "always")
    return replace(push(1, 1, always, rests=True), heals=False)


UNUSUAL = {"restart": with_restarts_as_faults, "cut": with_cuts_that_stay}


@pytest.mark.parametrize("fault", UNUSUAL)
def test_faults_that_nothing_repairs_are_the_same_to_every_driver(fault: str) -> None:
    scenario, random = UNUSUAL[fault](), Random(0)
    integer, vector = (explore(scenario, decided(scenario), engine=engine) for engine in ENGINES)
    assert (integer.states, integer.transitions, integer.depth) == (vector.states, vector.transitions, vector.depth)
    assert integer.verdict is vector.verdict is Verdict.HOLDS
    assert f"fault {fault}" in integer.coverage.exercised
    less = replace(scenario, faults={kind: 1 for kind in scenario.faults if kind != fault})
    assert explore(less, ()).states < integer.states
    kinds = set()
    for _ in range(50):
        found = walk(scenario, random.randbytes(60), random.randbytes(8))
        assert found.violation is None
        assert tuple(frame.taken for frame in replay(scenario, found.steps, ()).frames) == found.steps
        kinds |= {str(taken.step.kind) for taken in found.steps if isinstance(taken.step, Fault)}
        assert not any(isinstance(taken.step, Heal) for taken in found.steps)
    assert fault in kinds


# ---- slots that nothing tells apart ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask(Message):
    """May I?"""


@dataclass(frozen=True, slots=True)
class Granted(Message):
    """You may."""


@dataclass(frozen=True, slots=True)
class GiveBack(Message):
    """I have done."""


@dataclass(slots=True)
class Lock(Process):
    """Grants one at a time, in the order of asking."""

    waiting: tuple[Name, ...] = ()

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        if isinstance(message, Ask):
            self.waiting += (sender,)
            if len(self.waiting) == 1:
                ctx.send(sender, Granted())
        else:
            self.waiting = self.waiting[1:]
            if self.waiting:
                ctx.send(self.waiting[0], Granted())


@dataclass(slots=True)
class User(Process):
    """Asks, holds for a while, gives back."""

    turns: int = 1
    holds: bool = False
    log: dict[str, int] = field(default_factory=dict)

    def start(self, ctx: Context) -> None:
        ctx.set_timer("ask", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        if timer == "ask":
            ctx.send("lock", Ask())
        else:
            self.holds = False
            ctx.send("lock", GiveBack())

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        self.holds = True
        self.log = {**self.log, "turns": self.log.get("turns", 0) + 1}
        ctx.set_timer("done", kind=TimerKind.PROGRAM)


@always(User, source="mutual exclusion")
def one_holder(view: StateView) -> str | None:
    """At most one user has the lock."""
    return None if sum(user.holds for user in view.of(User).values()) <= 1 else "it is not so"


@audit(User, source="no user waits for ever")
def everybody_had_it(view: StateView) -> str | None:
    """At the end each user has had the lock once."""
    return None if all(user.log.get("turns") == 1 for user in view.of(User).values()) else "it is not so"


@always(User, source="a statement that is false")
def nobody_has_it(view: StateView) -> str | None:
    """No user ever has the lock."""
    return "it is not so" if any(user.holds for user in view.of(User).values()) else None


@always(User, source="a statement that tells the users apart")
def the_third_never_has_it(view: StateView) -> str | None:
    """The third user never has the lock."""
    return "it is not so" if any(user.holds for name, user in view.of(User).items() if name == "user3") else None


USERS = Symmetry("interchangeable users", ("user1", "user2", "user3"))


def lock(*statements: Statement) -> Scenario:
    """Three users of one lock."""
    users = dict.fromkeys(USERS.slots, User)
    return Scenario("lock", "toys", {"lock": Lock, **users}, statements=statements)


def test_users_of_a_lock_are_one_up_to_renaming() -> None:
    scenario = lock(one_holder, everybody_had_it)
    full, reduced = explore(scenario), explore_reduced(scenario, scenario, [USERS])
    assert reduced.verdict is full.verdict is Verdict.HOLDS
    assert reduced.states * 3 < full.states


def test_what_a_search_up_to_renaming_finds_is_a_run_of_the_users_as_they_are() -> None:
    scenario = lock(nobody_has_it)
    full, reduced = explore(scenario), explore_reduced(scenario, scenario, [USERS])
    assert full.violation is not None and reduced.violation is not None
    assert len(reduced.violation.steps) == len(full.violation.steps)
    again = replay(scenario, reduced.violation.steps).violation
    assert again is not None and again.statement == nobody_has_it.name


def test_users_that_a_statement_tells_apart_are_not_interchanged() -> None:
    scenario = lock(the_third_never_has_it)
    reduced = explore_reduced(scenario, scenario, [USERS])
    assert not reduced.reduced and "refused" in reduced.reductions[0]
    assert reduced.states == explore(scenario).states


# ---- models that break the kernel's contract -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Carries(Message):
    """Brings something along."""

    what: object = None


CARRIED = {"a float on its way": 0.5, "a list on its way": (1, [1]), "a set on its way": {1}}


@dataclass(slots=True)
class Faulty(Process):
    """Breaks the contract of the kernel when it is told to."""

    breach: str = ""
    kept: object = 0

    def start(self, ctx: Context) -> None:
        ctx.set_timer("go", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        match self.breach:
            case "float":
                self.kept = 0.5
            case "mutable":
                self.kept = (bytearray(2),)
            case "unordered":
                self.kept = {1, "one"}
            case "nobody":
                ctx.send("nobody", Ask())
            case _ if self.breach in CARRIED:
                ctx.send("other", Carries(CARRIED[self.breach]))
            case "no option":
                ctx.choose(())
            case "for ever":
                self.kept = (self.kept,)
                ctx.set_timer("go", kind=TimerKind.PROGRAM)
            case _:
                ctx.send("other", Ask())

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        raise KeyError(sender)


BREACHES = {
    "float": "is a float",
    "mutable": "bytearray",
    "unordered": "cannot be ordered",
    "nobody": "no slot of scenario",
    "no option": "no options",
    "a float on its way": "is the float 0.5",
    "a list on its way": "is of type list, which can change",
    "a set on its way": "is of type set, which can change",
    "a message that breaks it": "KeyError",
}


@pytest.mark.parametrize("breach", BREACHES)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_defect_of_the_model_is_an_error_that_names_the_process(engine: Engine, breach: str) -> None:
    scenario = Scenario("faulty", "toys", {"some": lambda: Faulty(breach), "other": Faulty})
    with pytest.raises(ModelError, match=BREACHES[breach]) as caught:
        explore(scenario, engine=engine)
    assert "some" in str(caught.value) or "other" in str(caught.value)


@pytest.mark.parametrize("breach", ["nobody", "no option", "a message that breaks it"])
def test_walks_and_timed_runs_name_it_too(breach: str) -> None:
    scenario = Scenario("faulty", "toys", {"some": lambda: Faulty(breach), "other": Faulty})
    with pytest.raises(ModelError, match=BREACHES[breach]):
        campaign(scenario, 5, 0)
    with pytest.raises(ModelError, match=BREACHES[breach]):
        Simulation(scenario, 0).run()


def test_a_field_that_grows_without_bound_is_said() -> None:
    scenario = Scenario("faulty", "toys", {"some": lambda: Faulty("for ever")}, depth_limit=100)
    result = explore(scenario)
    assert result.verdict is Verdict.UNDETERMINED
