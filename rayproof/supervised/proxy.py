"""A policy as the model sees it: a plain object with hooks; answers come from a table, or from the policy's process.

The table holds what was answered to each question, a question being hook, arguments, memory and the draws of the call
so far; only what is not in it crosses the pipe. Within one run a policy is a function, and the verdict is about that
table. `put_again` puts its questions to the policy in other processes, which have answered nothing before, in other
orders, with another hash seed, other clocks and another environment. One that is answered otherwise breaks the rule
`deterministic`, there and from then on.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from rayproof.model.kernel import PolicyError
from rayproof.model.scheduler.policy.hooks import Choices
from rayproof.supervised.limits import Limits
from rayproof.supervised.process import Process
from rayproof.supervised.questions import Numbers, Payload, Question, runs
from rayproof.supervised.values import Foreign, told_apart

Outcome = tuple[Any, ...]

OTHER_SEEDS = (279, 21)
"""PYTHONHASHSEED of the other process, when questions are put again for the first time and from then on.

Of small sets of the model's names, most begin with another name under the first than under 0; two of them, since a
policy has words of its own.
"""

PUTS = 2_000
"""So many calls at least are made again, if need be several of each question."""

ROUNDS = 100
"""But no question is put again more often."""

COPIES = 4
"""Further processes for each hook in which a few questions are put again; none of them has answered anything before."""

MOST_COPIES = 200
"""Of one policy. What takes long when it is asked for the first time is not waited for without end."""

BATCH = 1_000
"""Questions that are sent at once."""

NEAR = 32
"""Questions about many nodes stay beside their neighbours, in reverse: going from view to view costs the difference."""

MANY_NODES = 16


class Supervised:
    """Has those of the hooks `place`, `order`, `preempt`, `retry`, `migrate` and `transfer` that the policy has."""

    remembers = True
    """Equal questions get equal answers: asking several times in a row finds nothing."""

    def __init__(self, spec: str, limits: Limits) -> None:
        """Starts the process and loads the policy; raises `InputError` and `PolicyError`."""
        self._limits = limits
        self._process = Process(spec, limits, hash_seed=0)
        self._others = [Process(spec, limits, hash_seed=seed, ahead=True) for seed in OTHER_SEEDS]
        self._other = self._others[0]
        self._numbers = Numbers()
        self._table: dict[Question, Outcome] = {}
        self._put_once: list[Question] = []
        """What was asked since `put_again`."""
        self._copies_left = MOST_COPIES
        facts = self._process.load()
        for other in self._others:
            other.facts = facts
        self.name = facts.name
        self.memory = facts.memory
        self.locality = facts.locality
        self.source = None if facts.source is None else Path(facts.source)
        for hook in facts.hooks:
            setattr(self, hook, getattr(self, f"_{hook}"))

    @property
    def supervisor(self) -> Supervised:
        """Itself, also where another object stands before it."""
        return self

    @property
    def questions(self) -> int:
        """How many questions the table answers."""
        return len(self._table)

    def stop(self) -> None:
        """End its processes; the next question starts another."""
        self._process.stop()
        self._other.stop()

    # ---- the hooks --------------------------------------------------------------------------------------------------

    def _place(self, task: Any, view: Any, memory: Hashable, ctx: Choices) -> Any:
        return self._decided("place", (task, view), memory, ctx)

    def _order(self, queue: Any, view: Any, memory: Hashable, ctx: Choices) -> Any:
        return self._decided("order", (queue, view), memory, ctx)

    def _retry(self, task: Any, attempt: int, view: Any, memory: Hashable, ctx: Choices) -> Any:
        return self._decided("retry", (task, attempt, view), memory, ctx)

    def _preempt(self, task: Any, running: Any, free: Any, memory: Hashable, ctx: Choices) -> Any:
        return self._decided("preempt", (task, running, free), memory, ctx)

    def _migrate(self, request: Any, view: Any, memory: Hashable, ctx: Choices) -> Any:
        return self._decided("migrate", (request, view), memory, ctx)

    def _transfer(self, queue: Any, view: Any, memory: Hashable, ctx: Choices) -> Any:
        return self._decided("transfer", (queue, view), memory, ctx)

    def _decided(self, hook: str, arguments: tuple[Any, ...], memory: Hashable, ctx: Choices) -> Any:
        payload, apart = self._numbers.payload(hook, arguments), told_apart(memory)
        choices: tuple[int, ...] = ()
        while True:
            outcome = self._table.get((hook, payload, memory, apart, choices))
            if outcome is None:
                outcome = self._asked(hook, payload, memory, apart, choices, ctx)
            kind = outcome[0]
            if kind == "choose":
                choices = (*choices, ctx.choose(range(outcome[1]), random=outcome[2]))
            elif kind == "answer":
                answer = outcome[1]
                return _stand_in(answer) if isinstance(answer, Foreign) else answer, outcome[2]
            elif kind == "queued":
                return arguments[0][outcome[1]], outcome[2]
            else:
                raise PolicyError(outcome[1], outcome[2])

    def _asked(
        self,
        hook: str,
        payload: Payload,
        memory: Hashable,
        apart: Hashable,
        choices: tuple[int, ...],
        ctx: Choices,
    ) -> Outcome:
        """Ask the policy; its draws are made on the way. The last outcome, which is no draw."""
        process, table = self._process, self._table
        about = partial(self._numbers.about, hook, payload)
        try:
            process.send(("ask", process.unlearnt(self._numbers), hook, payload, memory, choices))
            while True:
                outcome = process.receive(about, self._limits.call_cpu_s)
                question = (hook, payload, memory, apart, choices)
                known = table.get(question)
                if known is None:
                    table[question] = known = outcome
                    self._put_once.append(question)
                elif not _same(known, outcome):
                    known = table[question] = self._answered_otherwise(hook, payload)
                    process.stop()
                if known[0] != "choose":
                    return known
                index = ctx.choose(range(known[1]), random=known[2])
                choices = (*choices, index)
                process.send((index,))
        except BaseException:
            # Ctrl-C, or a draw that whoever drives this run does not have: nobody waits for the answer any more.
            process.stop()
            raise

    # ---- again ------------------------------------------------------------------------------------------------------

    def put_again(self) -> PolicyError | None:
        """Put what was asked since the last time again, in another process; the first rule that this breaks."""
        asked = [question for question in self._put_once if self._table[question][0] != "breach"]
        rounds = max(1, min(ROUNDS, PUTS // max(1, len(asked))))
        found: PolicyError | None = None
        for begin in range(0, len(asked), BATCH):
            try:
                # What was asked last was asked with most before it.
                copies = min(COPIES, self._copies_left) if begin + BATCH >= len(asked) else 0
                found = self._put_batch(_in_other_order(asked[begin : begin + BATCH]), rounds, copies)
            except PolicyError as error:
                found = error
            except BaseException:
                self._other.stop()
                raise
            if found is not None:
                break
        self._put_once = []
        if asked and self._other is not self._others[-1]:
            self._other.stop()
            self._other = self._others[-1]
        return found

    def _put_batch(
        self, questions: list[Question], rounds: int, copies: int = 0, *, alone: bool = False
    ) -> PolicyError | None:
        """`alone`: once, with a reply after each call, which tells the one that ends the process."""
        other, found = self._other, None
        orders = runs(questions, rounds, copies)
        self._copies_left -= len(orders) - 1
        other.send(("again", other.unlearnt(self._numbers), questions, orders, alone))
        for order in orders:
            done = 0
            while True:
                at = order[min(done, len(order) - 1)]
                about = partial(self._numbers.about, *questions[at][:2])
                reply = other.receive(about, self._limits.call_cpu_s)
                if reply[0] == "outcomes":
                    for outcome in reply[1]:
                        found = self._compared(questions[order[done]], outcome) or found
                        done += 1
                elif reply == ("over",) and done == len(order):
                    break
                else:
                    self._other.stop()
                    return found or self._ended(questions, order[done:], reply, alone)
        return found

    def _ended(self, questions: list[Question], left: list[int], how: Outcome, alone: bool) -> PolicyError | None:
        """The rule that is broken by the end of the process where these were left to be asked."""
        if how == ("over",):
            about = self._numbers.about(*questions[left[0]][:2])
            how = "breach", "exits", f"policy {self.name} ended its process (code 0) {about}"
        rest = [questions[at] for at in left[:BATCH]]
        return (None if alone else self._put_batch(rest, 1, alone=True)) or self._compared(rest[0], how)

    def _compared(self, question: Question, outcome: Outcome) -> PolicyError | None:
        """The rule that is broken where a question is answered otherwise now."""
        known = self._table[question]
        if known[0] == "breach" or _same(known, outcome):
            return None
        broken = outcome[0] == "breach" and outcome[1] not in ("no_exception", "memory")
        hook, payload, *_ = question
        known = self._table[question] = outcome if broken else self._answered_otherwise(hook, payload)
        return PolicyError(*known[1:])

    def _answered_otherwise(self, hook: str, payload: Payload) -> Outcome:
        return (
            "breach",
            "deterministic",
            f"policy {self.name} gave different answers to the same question ({self._numbers.about(hook, payload)}): "
            "what it draws must come from ctx.choose, what it remembers from memory",
        )


def _same(one: Outcome, other: Outcome) -> bool:
    # Equal is not the same: 1 is True.
    return one == other and (one[0] != "answer" or repr(one) == repr(other))


def _in_other_order(questions: list[Question]) -> list[Question]:
    """Shuffled; where views are large, whole stretches are, each in reverse."""
    large = any(
        isinstance(part, bytes) and len(part) > 4 * MANY_NODES for _, payload, *_ in questions for part in payload
    )
    size = NEAR if large else 1
    stretches = [questions[at : at + size][::-1] for at in range(0, len(questions), size)]
    Random(len(questions)).shuffle(stretches)
    return [question for stretch in stretches for question in stretch]


def _stand_in(answer: Foreign) -> Any:
    """An object of a class of that name: what the model says of an answer of a type that it does not know."""
    return type(answer.type, (), {"__repr__": lambda self: f"a {answer.type}"})()
