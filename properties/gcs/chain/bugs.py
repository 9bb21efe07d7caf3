"""Planted bugs of the chain, its master and its clients."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rayproof.model.gcs.chain.clients import ChainClient
from rayproof.model.gcs.chain.master import ChainMaster
from rayproof.model.gcs.chain.protocol import Configuration, Entry, Key, Resend
from rayproof.model.gcs.chain.replica import Replica
from rayproof.model.kernel import Context, Message, Name, Unreachable, durable
from rayproof.properties.bug import Bug


@dataclass(slots=True)
class AnswersEarly(Replica):
    """A replica answers the client before its successor has the update."""

    def apply(self, ctx: Context, entry: Entry) -> None:
        Replica.apply(self, ctx, entry)
        if not self.is_tail(ctx):
            self.reply(ctx, entry)


@dataclass(slots=True)
class NoResend(Replica):
    """A new successor is linked and not sent what it lacks."""

    def resume(self, ctx: Context, sender: Name, last: int, stable: int) -> None:
        Replica.resume(self, ctx, sender, len(self.history), stable)


@dataclass(slots=True)
class ResendsNewestFirst(Replica):
    """What a new successor lacks is sent in the wrong order."""

    def catch_up(self, ctx: Context, sender: Name, rest: Resend) -> None:
        Replica.catch_up(self, ctx, sender, replace(rest, entries=rest.entries[::-1]))


@dataclass(slots=True)
class ForgetsWhatItResent(Replica):
    """What has been sent again counts as stable."""

    def resume(self, ctx: Context, sender: Name, last: int, stable: int) -> None:
        Replica.resume(self, ctx, sender, last, stable)
        self.trim(len(self.history))


@dataclass(slots=True)
class ForgetsToBecomeTail(Replica):
    """The new tail does not answer for what it holds."""

    def settle(self, ctx: Context) -> None:
        self.sent = ()


@dataclass(slots=True)
class SkipsGaps(Replica):
    """Any later sequence number is taken for the next."""

    def update(self, ctx: Context, sender: Name, sequence: int, entry: Entry) -> None:
        Replica.update(self, ctx, sender, min(sequence, len(self.history) + 1), entry)


@dataclass(slots=True)
class AppliesAgain(Replica):
    """The head takes a repeated request for a new one."""

    def sequence_of(self, entry: Entry) -> int:
        return 0


@dataclass(slots=True)
class RepeatsTakeEffectAnew(Replica):
    """A repeated request takes effect once, but at the time of the repeat."""

    def write(self, ctx: Context, epoch: int, entry: Entry) -> None:
        self.history = tuple(known for known in self.history if known != entry)
        Replica.write(self, ctx, epoch, entry)


@dataclass(slots=True)
class ServesBeforeItHasAll(Replica):
    """A replica that started empty counts as complete."""

    def start(self, ctx: Context) -> None:
        Replica.start(self, ctx)
        self.joined = True

    def catch_up(self, ctx: Context, sender: Name, rest: Resend) -> None:
        self.joined = False
        Replica.catch_up(self, ctx, sender, rest)
        self.joined = True


@dataclass(slots=True)
class ServesOnAnOldAnswer(Replica):
    """A new member serves although its predecessor answered before it had given up the tail's role."""

    def catch_up(self, ctx: Context, sender: Name, rest: Resend) -> None:
        Replica.catch_up(self, ctx, sender, replace(rest, epoch=self.configuration.epoch))


@dataclass(slots=True)
class ComparesOnRejoin(Replica):
    """The disk survives, and a replica comes back only where what it kept is exactly what is stable now."""

    kept: int = durable(default=0)
    """How many updates were on disk before the crash."""

    def apply(self, ctx: Context, entry: Entry) -> None:
        Replica.apply(self, ctx, entry)
        if self.joined:
            self.kept = len(self.history)

    def catch_up(self, ctx: Context, sender: Name, rest: Resend) -> None:
        if self.joined or self.kept in (0, rest.stable):
            Replica.catch_up(self, ctx, sender, rest)


@dataclass(slots=True)
class SealsOnlyTheSuspect(ChainMaster):
    """The next epoch begins when those that leave have promised."""

    def change(self, ctx: Context) -> None:
        ChainMaster.change(self, ctx)
        self.unsealed &= self.suspects


@dataclass(slots=True)
class BelievesEveryWordOfDeath(ChainMaster):
    """A suspect is replaced without being fenced."""

    def change(self, ctx: Context) -> None:
        self.activate(ctx)


@dataclass(slots=True)
class ForgetsTheNewcomer(ChainMaster):
    """A failure during an extension ends it."""

    def suspect(self, ctx: Context, name: Name) -> None:
        self.growing = ""
        ChainMaster.suspect(self, ctx, name)


@dataclass(slots=True)
class ReadsPastTheSeal(Replica):
    """A sealed tail goes on answering queries."""

    def read(self, ctx: Context, epoch: int, client: Name, number: int, key: Key) -> None:
        sealed, self.sealed = self.sealed, 0
        Replica.read(self, ctx, epoch, client, number, key)
        self.sealed = sealed


@dataclass(slots=True)
class GoesBackToAnOlderConfiguration(ChainClient):
    """A client believes whichever configuration it heard of last."""

    def learn(self, ctx: Context, configuration: Configuration) -> None:
        if configuration != self.configuration:
            self.configuration = configuration
            self.ask_again(ctx)


_PAPER = "van Renesse and Schneider 2004"


CHAIN_BUGS = (
    Bug(
        "answers_early",
        "The client is answered before the tail has the update.",
        {Replica: AnswersEarly},
        "acknowledged_writes_survive",
        "chain-3-2-1",
        f"{_PAPER}, §2",
        ("refines_the_atomic_register",),
    ),
    Bug(
        "no_resend",
        "Unacknowledged updates are not sent to a new successor.",
        {Replica: NoResend},
        "every_request_is_answered",
        "chain-3-2-1",
        f"{_PAPER}, §3.2",
        also=("writes_get_answers",),
    ),
    Bug(
        "resends_newest_first",
        "Updates are sent again in the wrong order.",
        {Replica: ResendsNewestFirst},
        "update_propagation",
        "chain-3-2-1",
        f"{_PAPER}, §3.2",
    ),
    Bug(
        "forgets_what_it_resent",
        "Updates that were sent again count as stable.",
        {Replica: ForgetsWhatItResent},
        "inprocess_requests",
        "chain-3-2-1",
        f"{_PAPER}, §3.2",
    ),
    Bug(
        "forgets_to_become_tail",
        "A replica that becomes the tail leaves its updates unanswered.",
        {Replica: ForgetsToBecomeTail},
        "every_request_is_answered",
        "chain-3-2-1",
        f"{_PAPER}, §3.1",
        also=("writes_get_answers",),
    ),
    Bug(
        "skips_gaps",
        "A lost update is hidden by the number of the next one.",
        {Replica: SkipsGaps},
        "update_propagation",
        "chain-retries",
        "eloqdata/tx_service #498",
        ("one_effect_per_request", "writes_get_answers"),
    ),
    Bug(
        "applies_again",
        "A request that is repeated is applied once more.",
        {Replica: AppliesAgain},
        "one_effect_per_request",
        "chain-retries",
        f"{_PAPER}, §2",
        ("refines_the_atomic_register",),
    ),
    Bug(
        "repeats_take_effect_anew",
        "A request that is repeated overwrites what was written after it.",
        {Replica: RepeatsTakeEffectAnew},
        "refines_the_atomic_register",
        "chain-alone",
        f"{_PAPER}, §2",
    ),
    Bug(
        "serves_before_it_has_all",
        "A replica that is still being filled counts as a full member.",
        {Replica: ServesBeforeItHasAll},
        "acknowledged_writes_survive",
        "chain-extension",
        "CorfuDB #2678",
        ("inprocess_requests", "refines_the_atomic_register", "linearizable"),
    ),
    Bug(
        "serves_on_an_old_answer",
        "A new member serves while its predecessor still does.",
        {Replica: ServesOnAnOldAnswer},
        "acknowledged_writes_survive",
        "chain-restart",
        f"{_PAPER}, §3.3",
        ("inprocess_requests",),
    ),
    Bug(
        "compares_on_rejoin",
        "A replica that comes back is refused because it is not exactly as far as the others.",
        {Replica: ComparesOnRejoin},
        "an_extension_completes",
        "chain-restart",
        "deepseek-ai/3FS #345",
        ("extensions_complete",),
    ),
    Bug(
        "forgets_the_newcomer",
        "A failure during an extension ends the extension.",
        {ChainMaster: ForgetsTheNewcomer},
        "an_extension_completes",
        "chain-extension-crash",
        f"{_PAPER}, §3.3",
    ),
    Bug(
        "seals_only_the_suspect",
        "Members that stay may still take writes of the old epoch.",
        {ChainMaster: SealsOnlyTheSuspect},
        "no_write_in_a_sealed_epoch",
        "chain-suspicion",
        "CorfuDB #1338",
    ),
    Bug(
        "believes_every_word_of_death",
        "A live replica is replaced without being fenced.",
        {ChainMaster: BelievesEveryWordOfDeath},
        "linearizable",
        "chain-suspicion",
        "CORFU, NSDI 2012, §3.3",
        ("no_write_in_a_sealed_epoch", "refines_the_atomic_register"),
    ),
    Bug(
        "reads_past_the_seal",
        "A tail that has promised to stop goes on answering queries.",
        {Replica: ReadsPastTheSeal},
        "linearizable",
        "chain-suspicion",
        "CORFU, NSDI 2012, §3.3",
        ("refines_the_atomic_register",),
    ),
    Bug(
        "goes_back_to_an_older_configuration",
        "A client adopts an older configuration.",
        {ChainClient: GoesBackToAnOlderConfiguration},
        "epochs_never_go_back",
        "chain-suspicion",
        "CorfuDB #832",
    ),
)
"""The planted bugs of the chain."""


@dataclass(slots=True)
class AsksForTheRestForEver(Replica):
    """A replica that was sent all it lacks asks whether there is more."""

    def catch_up(self, ctx: Context, sender: Name, rest: Resend) -> None:
        Replica.catch_up(self, ctx, sender, rest)
        if sender == self.predecessor(ctx):
            self.ask_for_the_rest(ctx, sender)


@dataclass(slots=True)
class NeverLooksUp(ChainClient):
    """A client asks again and again, always the replica that it knows."""

    def look_up(self, ctx: Context) -> None:
        pass


@dataclass(slots=True)
class WaitsForALaterEpoch(Replica):
    """A replica that joins takes every answer for one of an old epoch, and asks again."""

    def catch_up(self, ctx: Context, sender: Name, rest: Resend) -> None:
        joins = ctx.me == self.configuration.joining
        Replica.catch_up(self, ctx, sender, replace(rest, epoch=0) if joins else rest)
        if joins:
            self.ask_for_the_rest(ctx, sender)


@dataclass(slots=True)
class WaitsForThePromiseOfTheDead(ChainMaster):
    """A promise counts only when it is made."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        if not isinstance(message, Unreachable):
            ChainMaster.receive(self, ctx, sender, message)


@dataclass(slots=True)
class AsksForMore(Replica):
    """A replica that has caught up and waits for nothing asks its predecessor for more all the same."""

    def catch_up(self, ctx: Context, sender: Name, rest: Resend) -> None:
        Replica.catch_up(self, ctx, sender, rest)
        if sender == self.predecessor(ctx) and self.joined and not rest.entries and not self.sent:
            self.ask_for_the_rest(ctx, sender)


CHAIN_LIVENESS_BUGS = (
    Bug(
        "asks_for_the_rest_for_ever",
        "The handshake with a new predecessor has no end; every request is answered beside it.",
        {Replica: AsksForTheRestForEver},
        "comes_to_rest",
        "chain-3-2-1",
        f"{_PAPER}, §3.2",
    ),
    Bug(
        "never_looks_up",
        "A client asks a dead replica for ever.",
        {ChainClient: NeverLooksUp},
        "writes_get_answers",
        "chain-stale",
        "CorfuDB #832",
    ),
    Bug(
        "waits_for_a_later_epoch",
        "A replica that came back asks for ever for what it has been sent, and never becomes a member.",
        {Replica: WaitsForALaterEpoch},
        "extensions_complete",
        "chain-restart",
        f"{_PAPER}, §3.3",
    ),
    Bug(
        "waits_for_the_promise_of_the_dead",
        "The next epoch never begins when a member that is to be fenced is dead.",
        {ChainMaster: WaitsForThePromiseOfTheDead},
        "writes_get_answers",
        "chain-sealed-crash",
        "CORFU, NSDI 2012, §3.3",
    ),
    Bug(
        "asks_for_more",
        "A replica that has caught up asks again and again for what it lacks.",
        {Replica: AsksForMore},
        "writes_get_answers",
        "chain-extension",
        "bug benchmark L4",
        ("comes_to_rest", "every_request_is_answered_some_day"),
        spins=True,
    ),
)
"""The planted bugs of the chain that run for ever."""
