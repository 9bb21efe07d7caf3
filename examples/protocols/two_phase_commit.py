"""Two-phase commit: all participants commit, or none does, also when one of them dies.

Source: J. Gray, "Notes on data base operating systems", 1978. The coordinator asks every participant for its vote, and
commits when all have voted yes; a participant that has voted no, or has died before its vote, lets all abort.

Left out: the death of the coordinator, which leaves participants waiting for ever (the protocol blocks), and recovery.
"""

from dataclasses import dataclass, field

from rayproof import Bug, Context, Down, FaultKind, Message, Process, Scenario, StateView, Unreachable, always, audit


@dataclass(frozen=True, slots=True)
class Prepare(Message):
    """Coordinator to participant: vote."""


@dataclass(frozen=True, slots=True)
class Vote(Message):
    """Participant to coordinator."""

    yes: bool


@dataclass(frozen=True, slots=True)
class Decision(Message):
    """Coordinator to participant."""

    commit: bool


@dataclass(slots=True)
class Coordinator(Process):
    """Asks, counts, decides."""

    participants: tuple[str, ...]
    yes: set[str] = field(default_factory=set)
    decided: bool = False

    def start(self, ctx: Context) -> None:
        for name in self.participants:
            ctx.send(name, Prepare())

    def receive(self, ctx: Context, sender: str, message: Message) -> None:
        match message:
            case Vote(True):
                self.yes.add(sender)
                if self.may_commit():
                    self.decide(ctx, True)
            case Vote(False) | Down():
                self.decide(ctx, False)
            case Unreachable():
                pass  # what was sent to a participant that has died

    def may_commit(self) -> bool:
        """Whether all have voted yes."""
        return len(self.yes) == len(self.participants)

    def decide(self, ctx: Context, commit: bool) -> None:
        """Decide once."""
        if not self.decided:
            self.decided = True
            for name in self.participants:
                ctx.send(name, Decision(commit))


@dataclass(slots=True)
class Participant(Process):
    """Votes as it likes, and obeys."""

    state: str = "working"

    def receive(self, ctx: Context, sender: str, message: Message) -> None:
        match message:
            case Prepare() if self.state == "working":
                yes = ctx.choose((True, False))
                self.state = "prepared" if yes else "aborted"
                ctx.send(sender, Vote(yes))
            case Prepare():
                pass  # others have decided already
            case Decision(commit):
                self.state = "committed" if commit else "aborted"


@always(Participant, source="Gray 1978: atomicity")
def all_or_nobody_commits(view: StateView) -> str | None:
    """No participant has committed while another one has aborted."""
    at = {each.state: name for name, each in view.of(Participant).items()}
    return f"{at['committed']} has, {at['aborted']} has not" if {"committed", "aborted"} <= at.keys() else None


@audit(Participant, source="Gray 1978: with a coordinator that lives")
def everybody_ends(view: StateView) -> str | None:
    """In the end every participant that lives has committed or aborted."""
    at = view.of(Participant).items()
    return (
        ", ".join(f"{name} is {each.state}" for name, each in at if each.state not in ("committed", "aborted")) or None
    )


class Hasty(Coordinator):
    __slots__ = ()

    def may_commit(self) -> bool:
        return True


NAMES = ("a", "b")
PROCESSES = {"coordinator": lambda: Coordinator(NAMES), **dict.fromkeys(NAMES, Participant)}
COMMIT = Scenario(
    "two-phase-commit",
    "examples",
    PROCESSES,
    (all_or_nobody_commits, everybody_ends),
    crashable=NAMES,
    watchers=dict.fromkeys(NAMES, ("coordinator",)),
    faults={FaultKind.CRASH: 1},
)
HASTY = Bug("hasty", "The first yes decides.", {Coordinator: Hasty}, all_or_nobody_commits.name, COMMIT.name)
SIZES = {"two-phase-commit": (331, 828, 8)}
