"""Chain replication of one shard: the replicas, and what they say to each other, to clients and to the master.

Source: van Renesse and Schneider, "Chain Replication for Supporting High Throughput and Availability", OSDI 2004,
sections 2 and 3. Updates enter at the head, travel down, and become stable at the tail, which replies and answers
queries. What a replica has forwarded and does not yet know to be stable stays in `sent`; a replica that gets another
predecessor tells it how far it has come, and is sent the rest. A new replica joins behind the tail in the same way,
starting from nothing, while updates flow.

Beyond the paper: configurations have epochs, which requests and handshakes carry; a replica that is behind adopts what
a peer or a client shows it, since only the master makes configurations. Requests have numbers, so that asking again is
harmless. A replica that may have been suspected wrongly is sealed before another takes its role.

Left out: reads at replicas other than the tail (CRAQ is another protocol); batching; a master that fails (the paper
gives it to a consensus service); truncation of histories, which are what the statements compare; leases (that a fenced
replica has stopped is told by its promise, or by its death).
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter

from rayproof.model.gcs.chain.events import Accepted
from rayproof.model.gcs.chain.protocol import (
    ABSENT,
    EVERYTHING,
    Configuration,
    Datum,
    Entry,
    Join,
    Joined,
    Key,
    Lookup,
    Read,
    Ready,
    Refused,
    Resend,
    Resume,
    Seal,
    Sealed,
    Stable,
    Update,
    Value,
    Write,
    Written,
)
from rayproof.model.kernel import Context, Message, Name, Process, Unhandled, constant


@dataclass(slots=True)
class Replica(Process):
    """One replica of the shard."""

    configuration: Configuration
    """The newest configuration this replica has heard of."""
    history: tuple[Entry, ...] = ()
    """Applied updates; the first has sequence number 1."""
    sent: tuple[Entry, ...] = ()
    """The end of the history that is not known to be stable."""
    sealed: int = 0
    """No epoch before this one is served."""
    linked: bool = True
    """Whether the present successor has said how far it has come; before, nothing is forwarded."""
    joined: bool = True
    """Whether it holds all that was stable when it became a member; false for a replica that started empty."""
    master: Name = constant("master")

    def start(self, ctx: Context) -> None:
        """A replica that is no member has to join."""
        if ctx.me not in self.configuration.chain:
            self.joined = self.linked = False
            ctx.send(self.master, Join())

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """The protocol of one replica."""
        match message:
            case Write(configuration, number, key, value):
                self.learn(ctx, configuration)
                self.write(ctx, configuration.epoch, Entry(sender, number, key, value))
            case Read(configuration, number, key):
                self.learn(ctx, configuration)
                self.read(ctx, configuration.epoch, sender, number, key)
            case Lookup():
                ctx.send(sender, self.configuration)
            case Update(sequence, entry):
                self.update(ctx, sender, sequence, entry)
            case Stable(sequence):
                self.stable(ctx, sender, sequence)
            case Configuration():
                self.learn(ctx, message)
            case Resume(configuration, last, stable):
                self.learn(ctx, configuration)
                self.resume(ctx, sender, last, stable)
            case Resend():
                self.catch_up(ctx, sender, message)
            case Seal(epoch):
                self.sealed = max(self.sealed, epoch)
                ctx.send(sender, Sealed(epoch))
            case _:
                raise Unhandled(message)

    # ---- requests of clients (section 2) ----------------------------------------------------------------------------

    def write(self, ctx: Context, epoch: int, entry: Entry) -> None:
        """The head gives a new request the next sequence number; one it knows goes down the chain again."""
        if not (self.serves(epoch) and self.is_head(ctx)):
            ctx.send(entry.client, Refused(entry.number, self.configuration))
            return
        known = self.sequence_of(entry)
        if known:
            self.forward(ctx, known)
        else:
            ctx.observe(Accepted(ctx.me, epoch))
            self.apply(ctx, entry)

    def read(self, ctx: Context, epoch: int, client: Name, number: int, key: Key) -> None:
        """The tail answers from what it holds, all of which is stable."""
        if self.serves(epoch) and self.is_tail(ctx):
            ctx.send(client, Value(number, value_of(self.history, key)))
        else:
            ctx.send(client, Refused(number, self.configuration))

    # ---- updates and acknowledgements (section 3: Hist, Sent) -------------------------------------------------------

    def update(self, ctx: Context, sender: Name, sequence: int, entry: Entry) -> None:
        """Apply the next update. A known one was asked for again: pass it on. After a gap, ask for what is missing."""
        if sender != self.predecessor(ctx):
            return
        if sequence == len(self.history) + 1:
            self.apply(ctx, entry)
        elif sequence <= len(self.history):
            self.forward(ctx, sequence)
        else:
            self.ask_for_the_rest(ctx, sender)

    def apply(self, ctx: Context, entry: Entry) -> None:
        """Append an update; what the tail holds is stable."""
        self.history += (entry,)
        if not self.is_tail(ctx):
            self.sent += (entry,)
        self.forward(ctx, len(self.history))

    def forward(self, ctx: Context, sequence: int) -> None:
        """Pass an update on; the tail replies to the client and acknowledges, and feeds a replica that is joining."""
        entry = self.history[sequence - 1]
        if self.is_tail(ctx):
            self.reply(ctx, entry)
            self.acknowledge(ctx, sequence)
        successor = self.successor(ctx)
        if successor is not None and self.linked:
            ctx.send(successor, Update(sequence, entry))

    def reply(self, ctx: Context, entry: Entry) -> None:
        """Tell the client that its update is stable."""
        ctx.send(entry.client, Written(entry.number))

    def acknowledge(self, ctx: Context, sequence: int) -> None:
        """Tell the predecessor what is stable."""
        predecessor = self.predecessor(ctx)
        if predecessor is not None:
            ctx.send(predecessor, Stable(sequence))

    def stable(self, ctx: Context, sender: Name, sequence: int) -> None:
        """Forget what need not be sent again, and pass the word up."""
        if sender == self.successor(ctx):
            self.trim(sequence)
            self.acknowledge(ctx, sequence)

    def trim(self, sequence: int) -> None:
        """Updates up to this one are known to be stable."""
        known = len(self.history) - len(self.sent)
        self.sent = self.sent[max(0, sequence - known) :]

    # ---- failures and extension (sections 3.1 to 3.3) ---------------------------------------------------------------

    def learn(self, ctx: Context, configuration: Configuration) -> None:
        """Adopt a newer configuration and take up the role it gives."""
        if configuration.epoch <= self.configuration.epoch:
            return
        predecessor, successor = self.predecessor(ctx), self.successor(ctx)
        self.configuration = configuration
        if self.successor(ctx) != successor:
            self.linked = False
        if self.is_tail(ctx):
            self.settle(ctx)
        before = self.predecessor(ctx)
        if before is not None and (before != predecessor or not self.joined):
            self.ask_for_the_rest(ctx, before)

    def ask_for_the_rest(self, ctx: Context, predecessor: Name) -> None:
        """Tell a predecessor how far this replica has come."""
        stable = len(self.history) - len(self.sent)
        ctx.send(predecessor, Resume(self.configuration, len(self.history), stable))

    def settle(self, ctx: Context) -> None:
        """As the tail, make stable what is held: reply to the clients, acknowledge to the predecessor."""
        for entry in self.sent:
            self.reply(ctx, entry)
        if self.sent:
            self.sent = ()
            self.acknowledge(ctx, len(self.history))

    def resume(self, ctx: Context, sender: Name, last: int, stable: int) -> None:
        """Send a new successor what it lacks; hear from it what has become stable meanwhile."""
        if sender != self.successor(ctx):
            return
        self.linked = True
        if stable > len(self.history) - len(self.sent):
            self.trim(stable)
            self.acknowledge(ctx, stable)
        known = len(self.history) - len(self.sent)
        ctx.send(sender, Resend(self.configuration.epoch, last, self.history[last:], known))

    def catch_up(self, ctx: Context, sender: Name, rest: Resend) -> None:
        """Apply what was lacking; one that started empty now may become a member, or serve.

        It serves only when the answer is of its own epoch: before, the sender may still have been the tail.
        """
        if sender != self.predecessor(ctx):
            return
        for entry in rest.entries[len(self.history) - rest.first :]:
            self.apply(ctx, entry)
        if self.joined or rest.epoch != self.configuration.epoch:
            return
        if ctx.me not in self.configuration.chain:
            ctx.send(self.master, Ready(self.configuration.epoch))
            return
        self.joined = True
        self.trim(rest.stable)
        if self.is_tail(ctx):
            self.settle(ctx)
        ctx.send(self.master, Joined())

    # ---- roles ------------------------------------------------------------------------------------------------------

    def serves(self, epoch: int) -> bool:
        """Whether a client of that epoch has the configuration known here, and nobody has sealed it."""
        return epoch == self.configuration.epoch and epoch >= self.sealed

    def is_head(self, ctx: Context) -> bool:
        """Whether updates enter here."""
        return self.joined and self.configuration.chain[:1] == (ctx.me,)

    def is_tail(self, ctx: Context) -> bool:
        """Whether updates become stable here."""
        return self.joined and self.configuration.chain[-1:] == (ctx.me,)

    def predecessor(self, ctx: Context) -> Name | None:
        """The replica before this one; for one that is joining, the tail."""
        chain = self.configuration.chain
        if ctx.me in chain:
            position = chain.index(ctx.me)
            return chain[position - 1] if position else None
        return chain[-1] if ctx.me == self.configuration.joining else None

    def successor(self, ctx: Context) -> Name | None:
        """The replica after this one; for the tail, the one that is joining."""
        chain = self.configuration.chain
        if ctx.me not in chain:
            return None
        position = chain.index(ctx.me) + 1
        return chain[position] if position < len(chain) else self.configuration.joining or None

    def sequence_of(self, entry: Entry) -> int:
        """The sequence number that a request has been given; 0 when it is new."""
        for sequence, known in enumerate(self.history, 1):
            if (known.client, known.number) == (entry.client, entry.number):
                return sequence
        return 0


def value_of(history: tuple[Entry, ...], key: Key) -> Datum:
    """What a key holds after these updates, or what all keys do."""
    if key.startswith(EVERYTHING):
        return tuple(sorted({entry.key: entry.value for entry in history}.items(), key=itemgetter(0)))
    return next((entry.value for entry in reversed(history) if entry.key == key), ABSENT)
