"""Each hook alone is a proposal; each breach of its rules is found where the hook is asked, with a trace."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest

from rayproof.model.kernel import (
    PolicyError,
    Scenario,
    Simulation,
    Timing,
    Trace,
    Verdict,
    explore,
    minimise,
    render,
    replay,
    walk,
)
from rayproof.model.scheduler.policy.built_in import with_defaults
from rayproof.model.scheduler.policy.move_hooks import MoveActor, Urgent
from rayproof.model.scheduler.policy.queue_hooks import GIVE_UP, Backoff
from rayproof.properties.catalogue import CATALOGUE

Answering = Callable[..., Any]


@dataclass(frozen=True)
class Breach:
    """One hook that answers wrongly, a scenario in which it is asked, and the rule that it breaks."""

    name: str
    hook: str
    answer: Answering
    scenario: str
    rule: str

    def scenario_with_it(self) -> Scenario:
        """The scenario with a policy that has this hook alone."""
        answer = self.answer
        policy = type("Broken", (), {self.hook: lambda self, *asked: answer(*asked), "name": self.name})()
        return CATALOGUE[self.scenario].build(with_defaults(policy), {})


def fails(*asked: Any) -> Any:
    """A defect of the policy's own."""
    raise ZeroDivisionError


def searches(*asked: Any) -> Any:
    """Finds nothing where it looks."""
    nothing: dict[str, str] = {}
    return nothing["node"]


def leaves(*asked: Any) -> Any:
    """Takes the whole program with it."""
    raise SystemExit("enough")


def writes_into_the_view(task: Any, view: Any, memory: Any, ctx: Any) -> Any:
    """Takes what it grants off the view by itself, which is the scheduler's to do."""
    view.options[0].available["CPU"] = 0


def alternates(*answers: Any) -> Answering:
    """Another answer each time: hidden state."""
    count = iter(range(1_000_000))
    return lambda *asked: answers[next(count) % len(answers)]


def draws(task: Any, view: Any, memory: Any, ctx: Any) -> Any:
    """A legal draw among the nodes with room."""
    able = [node.name for node in view.options if node.fits_now(task.demand)]
    return ctx.choose(able, random=True) if able else None


def draws_then_fails(task: Any, view: Any, memory: Any, ctx: Any) -> Any:
    """Draws, and fails on one of the outcomes."""
    return {0: draws(task, view, memory, ctx)}[ctx.choose((0, 1), random=True)]


BREACHES = (
    Breach("a number", "place", lambda task, view, memory, ctx: 0, "sched-spread", "answer_type"),
    Breach("no such node", "place", lambda task, view, memory, ctx: "nowhere", "sched-spread", "legal_answer"),
    Breach(
        "whoever was ever known",
        "place",
        lambda task, view, memory, ctx: view.nodes[-1].name,
        "cluster-3-3-1",
        "legal_answer",
    ),
    Breach("an exception", "place", fails, "sched-spread", "no_exception"),
    Breach("an exit", "place", leaves, "sched-spread", "no_exception"),
    Breach("a missing key", "place", searches, "sched-spread", "no_exception"),
    Breach("a note in the view", "place", writes_into_the_view, "sched-spread", "no_exception"),
    Breach(
        "an option of its own",
        "place",
        lambda task, view, memory, ctx: view.options.append(0),
        "sched-spread",
        "no_exception",
    ),
    Breach("a draw that fails", "place", draws_then_fails, "sched-spread", "no_exception"),
    Breach("hidden state", "place", alternates("raylet0", "raylet1"), "sched-spread", "deterministic"),
    Breach("hidden exception", "place", alternates("raylet0", None), "sched-spread", "deterministic"),
    Breach("a list as memory", "place", lambda task, view, memory, ctx: (None, []), "sched-spread", "memory"),
    Breach("not in the queue", "order", lambda queue, view, memory, ctx: "nobody", "sched-classes", "legal_answer"),
    Breach("an order that fails", "order", fails, "sched-classes", "no_exception"),
    Breach("an order that exits", "order", leaves, "sched-classes", "no_exception"),
    Breach(
        "a set as memory", "order", lambda queue, view, memory, ctx: (queue[0].id, set()), "sched-classes", "memory"
    ),
    Breach("a retry of no kind", "retry", lambda task, attempt, view, memory, ctx: 3, "sched-booting", "answer_type"),
    Breach(
        "a retry of no kind today",
        "retry",
        lambda task, attempt, view, memory, ctx: 3,
        "today-waits-too-long",
        "answer_type",
    ),
    Breach(
        "room by nobody", "preempt", lambda task, running, free, memory, ctx: "nobody", "today-preempts", "legal_answer"
    ),
    Breach("a preempt that fails", "preempt", fails, "today-preempts", "no_exception"),
    Breach("a move of no kind", "migrate", lambda request, view, memory, ctx: "actor2", "migration", "answer_type"),
    Breach(
        "a move of nobody",
        "migrate",
        lambda request, view, memory, ctx: MoveActor("nobody", "node2"),
        "migration",
        "legal_answer",
    ),
    Breach(
        "a transfer of nothing", "transfer", lambda queue, view, memory, ctx: None, "transfer-urgent", "legal_answer"
    ),
    Breach(
        "urgent on the only connection",
        "transfer",
        lambda queue, view, memory, ctx: Urgent(queue[0].id),
        "transfer-urgent",
        "legal_answer",
    ),
    Breach(
        "urgent and nowhere", "transfer", lambda queue, view, memory, ctx: Urgent("o9"), "today-urgent", "legal_answer"
    ),
)


@pytest.mark.parametrize("breach", BREACHES, ids=lambda breach: breach.name)
def test_a_breach_is_found_by_its_rule_and_its_trace_is_replayed(breach: Breach) -> None:
    scenario = breach.scenario_with_it()
    found = explore(scenario).violation
    assert found is not None and found.statement == breach.rule
    trace = Trace(scenario.name, {"policy": breach.name}, found.statement, found.sentence, found.steps, found.source)
    if breach.rule == "deterministic":
        return  # What it answers when it is asked again is anybody's guess.
    again = replay(scenario, Trace.from_json(trace.to_json()).steps)
    assert again.violation is not None and again.violation.statement == breach.rule
    assert breach.rule in render(trace, again)


@pytest.mark.parametrize("breach", [b for b in BREACHES if b.rule != "deterministic"], ids=lambda breach: breach.name)
def test_walks_and_timed_runs_meet_it_too(breach: Breach) -> None:
    scenario, random = breach.scenario_with_it(), Random(0)
    found = None
    for _ in range(200):
        found = found or walk(scenario, random.randbytes(200), random.randbytes(4), ()).violation
    assert found is not None and found.statement == breach.rule
    shorter = minimise(scenario, found)
    assert len(shorter.steps) <= len(found.steps) and shorter.statement == breach.rule
    if breach.name != "whoever was ever known":  # Nobody dies in a timed run by itself.
        with pytest.raises(PolicyError) as caught:
            for seed in range(20):
                Simulation(scenario, seed).run(max_events=5_000)
        assert caught.value.rule == breach.rule


# ---- proposals that keep the rules -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Youngest:
    """Runs the task that came last."""

    name: str = "youngest"

    def order(self, queue: Any, view: Any, memory: Any, ctx: Any) -> Any:
        return queue[-1].id


@dataclass(frozen=True)
class Patient:
    """Looks again after growing pauses, as often as it takes."""

    name: str = "patient"

    def retry(self, task: Any, attempt: int, view: Any, memory: Any, ctx: Any) -> Any:
        return Backoff(1_000 * 2 ** min(attempt, 3))


@dataclass(frozen=True)
class GivesUp:
    """Rejects what has no place at once."""

    name: str = "gives_up"

    def retry(self, task: Any, attempt: int, view: Any, memory: Any, ctx: Any) -> Any:
        return GIVE_UP


@dataclass(frozen=True)
class Draws:
    """Any node with room, by lot."""

    name: str = "draws"

    def place(self, task: Any, view: Any, memory: Any, ctx: Any) -> Any:
        return draws(task, view, memory, ctx)


@dataclass(frozen=True)
class MakesRoom:
    """Moves the smallest actor that fits elsewhere and leaves enough."""

    name: str = "makes_room"

    def migrate(self, request: Any, view: Any, memory: Any, ctx: Any) -> Any:
        moves = [
            (actor.size, actor.name, MoveActor(actor.name, host.name))
            for actor in view.actors
            for host in view.hosts
            if host.name != actor.host
            and host.free >= actor.size
            and view.host(actor.host).free + actor.size >= request.size
        ]
        return min(moves)[-1] if moves else None


@dataclass(frozen=True)
class UrgentFirst:
    """Goes on with what has begun, then the most urgent."""

    name: str = "urgent_first"

    def transfer(self, queue: Any, view: Any, memory: Any, ctx: Any) -> Any:
        return min(queue, key=lambda waiting: (waiting.sent == 0, -waiting.priority))


KEEPERS = (
    (Youngest(), "sched-classes"),
    (Youngest(), "cluster-waits"),
    (Patient(), "sched-replicas"),
    (Draws(), "sched-spread"),
    (Draws(), "cluster-waits"),
    (MakesRoom(), "migration"),
    (MakesRoom(), "migration-source-dies"),
    (UrgentFirst(), "transfer-urgent"),
)


@pytest.mark.parametrize(("policy", "name"), KEEPERS, ids=lambda value: getattr(value, "name", value))
def test_a_proposal_with_one_hook_keeps_every_statement(policy: Any, name: str) -> None:
    scenario = CATALOGUE[name].build(with_defaults(policy), {})
    assert explore(scenario).verdict is Verdict.HOLDS


def test_who_gives_up_rejects_what_a_node_that_still_boots_would_serve() -> None:
    found = explore(CATALOGUE["sched-booting"].build(with_defaults(GivesUp()), {}))
    assert found.verdict is Verdict.VIOLATED
    assert found.violation is not None and "reject" in found.violation.statement + found.violation.sentence


def test_a_task_without_a_place_is_asked_about_with_the_number_of_its_attempts() -> None:
    seen: list[int] = []

    class Counts:
        """Looks four times and gives up."""

        name = "counts"

        def retry(self, task: Any, attempt: int, view: Any, memory: Any, ctx: Any) -> Any:
            seen.append(attempt)
            return Backoff(1_000) if attempt < 3 else GIVE_UP

    Simulation(replace(CATALOGUE["sched-infeasible"].build(with_defaults(Counts()), {}), timing=Timing()), 0).run()
    assert seen and sorted(set(seen)) == [0, 1, 2, 3]
