"""Breaches of the kernel's rules are named, with the process and the value."""

import random
from dataclasses import dataclass, field

import pytest

from rayproof.model.kernel import (
    Context,
    Message,
    ModelError,
    Name,
    Process,
    Scenario,
    TimerKind,
    Unhandled,
    explore,
    replay,
    walk,
)


@dataclass(frozen=True, slots=True)
class Note(Message):
    content: object = 0


@dataclass(slots=True)
class Sender(Process):
    """Sends one note when its program acts."""

    def note(self) -> Note:
        return Note()

    def start(self, ctx: Context) -> None:
        ctx.set_timer("go", kind=TimerKind.PROGRAM)

    def fire(self, ctx: Context, timer: str) -> None:
        ctx.send("receiver", self.note())


@dataclass(slots=True)
class Receiver(Process):
    state: object = 0

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        self.state = message


def pair(sender: type[Process] = Sender, receiver: type[Process] = Receiver) -> Scenario:
    return Scenario("pair", "cluster", {"sender": sender, "receiver": receiver})


def test_the_pair_itself_is_sound() -> None:
    assert explore(pair()).states == 3


def test_a_message_that_can_change() -> None:
    @dataclass(slots=True)
    class SendsList(Sender):
        def note(self) -> Note:
            return Note([1])

    with pytest.raises(ModelError, match=r"Note from sender\.content is of type list, which can change"):
        explore(pair(SendsList))
    with pytest.raises(ModelError, match="type list"):
        replay(pair(SendsList), walk(pair(), b"\0").steps)


def test_a_message_that_was_changed() -> None:
    @dataclass(slots=True)
    class Changes(Receiver):
        def receive(self, ctx: Context, sender: Name, message: Message) -> None:
            object.__setattr__(message, "content", 1)

    with pytest.raises(ModelError, match=r"receiver \(Changes\) changed the message"):
        explore(pair(receiver=Changes))


def test_state_shared_by_two_processes() -> None:
    shared: list[int] = []

    @dataclass(slots=True)
    class Holder(Sender):
        items: list[int] = field(default_factory=lambda: shared)

    with pytest.raises(ModelError, match=r"sender\.items and other\.items share one mutable value"):
        explore(Scenario("shared", "cluster", {"sender": Holder, "other": Holder, "receiver": Receiver}))


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.5, "0.5 is a float"), (bytearray(b"x"), "no canonical form"), ({1, "a"}, "cannot be ordered")],
    ids=["float", "unhashable", "unordered"],
)
def test_a_field_without_canonical_form(value: object, words: str) -> None:
    @dataclass(slots=True)
    class Odd(Receiver):
        def receive(self, ctx: Context, sender: Name, message: Message) -> None:
            self.state = value

    with pytest.raises(ModelError, match=f"field state of receiver .*{words}"):
        explore(pair(receiver=Odd))


def test_hidden_randomness() -> None:
    @dataclass(slots=True)
    class Draws(Receiver):
        def receive(self, ctx: Context, sender: Name, message: Message) -> None:
            self.state = random.random() > 2 or random.randrange(10**9)

    with pytest.raises(ModelError, match="two different answers to the same input"):
        explore(pair(receiver=Draws))


@pytest.mark.parametrize("kind", ["dict", "set"])
def test_an_answer_that_depends_on_an_order(kind: str) -> None:
    @dataclass(slots=True)
    class Ordered(Receiver):
        known: dict[int, int] = field(default_factory=lambda: {1: 1, 2: 2})
        members: set[int] = field(default_factory=lambda: {1, 2})

        def receive(self, ctx: Context, sender: Name, message: Message) -> None:
            self.state = next(iter(self.known if kind == "dict" else self.members))

    with pytest.raises(ModelError, match="the order of a mapping or set"):
        explore(pair(receiver=Ordered))


def test_a_message_that_no_case_handles() -> None:
    @dataclass(slots=True)
    class Strict(Receiver):
        def receive(self, ctx: Context, sender: Name, message: Message) -> None:
            raise Unhandled(message)

    for run in (lambda s: explore(s), lambda s: walk(s, b"\0\0")):
        with pytest.raises(ModelError, match=r"receiver \(Strict\): no case handles Note\(content=0\), from sender"):
            run(pair(receiver=Strict))


def test_a_handler_that_fails_says_where() -> None:
    @dataclass(slots=True)
    class Fails(Receiver):
        def receive(self, ctx: Context, sender: Name, message: Message) -> None:
            raise KeyError("x")

    with pytest.raises(ModelError, match=r"receiver \(Fails\) failed on Note\(content=0\): KeyError: 'x'"):
        explore(pair(receiver=Fails))


def test_a_message_to_nobody() -> None:
    @dataclass(slots=True)
    class Lost(Sender):
        def fire(self, ctx: Context, timer: str) -> None:
            ctx.send("nobody", Note())

    for run in (lambda s: explore(s), lambda s: walk(s, b"\0\0")):
        with pytest.raises(ModelError, match="sender sends to nobody, which is no slot"):
            run(pair(Lost))


def test_a_link_that_fills_without_bound() -> None:
    @dataclass(slots=True)
    class Floods(Sender):
        def fire(self, ctx: Context, timer: str) -> None:
            for _ in range(100):
                ctx.send("receiver", Note())

    for run in (lambda s: explore(s), lambda s: walk(s, b"\0\0")):
        with pytest.raises(ModelError, match="its capacity"):
            run(pair(Floods))
