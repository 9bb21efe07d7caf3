"""What must hold of a replicated chain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

from rayproof.model.gcs.chain.clients import ChainClient, PutKey
from rayproof.model.gcs.chain.events import Accepted, Activated
from rayproof.model.gcs.chain.master import ChainMaster
from rayproof.model.gcs.chain.protocol import (
    Datum,
    Joined,
    LogEntry,
    Refused,
    Resend,
    Update,
    Value,
    Write,
    Written,
)
from rayproof.model.gcs.chain.replica import Replica, value_of
from rayproof.model.kernel import (
    Name,
    StateView,
    Taken,
    always,
    audit,
    eventually,
    first,
    leads_to,
    refines,
    sometimes,
    step,
)
from rayproof.properties.gcs.chain.linearizability import Request, linearizable

Members: TypeAlias = list[tuple[Name, Replica]]
"""Replicas with their names, head first."""


def chains(view: StateView) -> dict[str, Members]:
    """By shard: the live replicas that its master counts in and that hold all they must."""
    replicas = view.of(Replica)
    return {
        master.configuration.shard: [
            (name, replicas[name]) for name in master.configuration.chain if name in replicas and replicas[name].joined
        ]
        for master in view.of(ChainMaster).values()
    }


def members(view: StateView) -> Members:
    """The same where there is one chain."""
    return next(iter(chains(view).values()), [])


def neighbours(view: StateView) -> Iterator[tuple[tuple[Name, Replica], tuple[Name, Replica]]]:
    """Each replica with its successor, in every chain."""
    for chain in chains(view).values():
        yield from pairwise(chain)


def unanswered(client: ChainClient) -> str:
    """What a client still waits for, or has still to ask."""
    return f"{len(client.pending)} requests without an answer, {len(client.todo)} to be sent"


def requests(entries: tuple[LogEntry, ...]) -> list[Request]:
    """Which requests these updates answer."""
    return [(entry.client, entry.number) for entry in entries]


def told(entries: tuple[LogEntry, ...]) -> str:
    """A history for people: the requests in it, in their order."""
    return "[" + ", ".join(f"{client}/{number}" for client, number in requests(entries)) + "]"


# ---- in every state -----------------------------------------------------------------------------------------------


@always(Replica, ChainMaster, source="van Renesse and Schneider 2004, §3: Update Propagation Invariant")
def update_propagation(view: StateView) -> str | None:
    """A replica's history is a prefix of its predecessor's, along the master's chain."""
    for (one, before), (other, after) in neighbours(view):
        if before.history[: len(after.history)] != after.history:
            return f"{other} has {told(after.history)}, its predecessor {one} has {told(before.history)}"
    return None


@always(Replica, ChainMaster, source="van Renesse and Schneider 2004, §3: Inprocess Requests Invariant")
def inprocess_requests(view: StateView) -> str | None:
    """What a successor lacks of its predecessor's history is still in the predecessor's `sent`."""
    for (one, before), (other, after) in neighbours(view):
        lacking = before.history[len(after.history) :]
        if lacking and before.sent[-len(lacking) :] != lacking:
            return f"{other} lacks {told(lacking)}, and {one} has only {told(before.sent)} in `sent`"
    return None


@always(ChainClient, ChainMaster, Replica, source="van Renesse and Schneider 2004, §2, §3; bug benchmark S5")
def acknowledged_writes_survive(view: StateView) -> str | None:
    """An acknowledged write is held by every live replica that the master counts in."""
    held = {
        shard: [(replica, set(requests(found.history))) for replica, found in chain]
        for shard, chain in chains(view).items()
    }
    return first(
        f"{operation.key}: write {number} of {name} is acknowledged, {replica} does not have it"
        for name, client in view.of(ChainClient).items()
        for number, operation in client.done.items()
        if isinstance(operation, PutKey)
        for replica, history in held.get(client.configuration_for(operation.key).shard, ())
        if (name, number) not in history
    )


@always(Replica, each=True, source="van Renesse and Schneider 2004, §2: asking again; bug benchmark S5")
def one_effect_per_request(replica: Replica) -> str | None:
    """However often a request is sent, it is applied once."""
    applied = requests(replica.history)
    if len(applied) == len(set(applied)):
        return None
    client, number = next(request for request in applied if applied.count(request) > 1)
    return f"request {number} of {client} is applied {applied.count((client, number))} times"


@step(Replica, ChainClient, source="bug benchmark D71: a client goes back to an older layout")
def epochs_never_go_back(before: StateView, taken: Taken, after: StateView) -> str | None:
    """Neither a client nor a replica gives up a configuration for an older one."""
    kinds: tuple[type[Replica] | type[ChainClient], ...] = (Replica, ChainClient)
    return first(
        f"{name} goes from epoch {earlier.configuration.epoch} back to {process.configuration.epoch}"
        for kind in kinds
        for name, process in after.of(kind).items()
        if (earlier := before.of(kind).get(name)) is not None
        and process.configuration.epoch < earlier.configuration.epoch
    )


@dataclass(frozen=True, slots=True)
class WritesInOldEpochs:
    """Monitor: the epoch in force, and a head that has taken a new update under an older one since."""

    in_force: int = 0
    broken: str = ""

    def observe(self, event: object) -> WritesInOldEpochs:
        """Fold one event."""
        match event:
            case Activated(epoch):
                return replace(self, in_force=epoch)
            case Accepted(head, epoch) if epoch < self.in_force and not self.broken:
                return replace(self, broken=f"{head}: an update in epoch {epoch}, in force is {self.in_force}")
            case _:
                return self


@always(source="CORFU, NSDI 2012, §3.3; bug benchmark D70", monitors=(WritesInOldEpochs,))
def no_write_in_a_sealed_epoch(view: StateView) -> str | None:
    """Once a configuration is in force, no head takes an update under an older one.

    Only where the master seals: a word of death that can be believed needs no sealing.
    """
    return view.monitor(WritesInOldEpochs).broken or None


# ---- refinement of the atomic register ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Register:
    """The abstract system: updates and queries take effect one at a time; answers follow."""

    log: tuple[LogEntry, ...] = ()
    """Updates that have taken effect."""
    written: frozenset[Request] = frozenset()
    """Updates that have been answered."""
    read: frozenset[tuple[Request, str, Datum]] = frozenset()
    """Queries that have taken effect and whose answer is on its way: request, key, value."""


def register_steps(before: Register, after: Register) -> str | None:
    """What keeps updates, queries and answers of the atomic register from leading from one state to the other."""
    applied = requests(after.log)
    passed = [after.log[:length] for length in range(len(before.log), len(after.log) + 1)]
    if after.log[: len(before.log)] != before.log:
        return f"the log {told(before.log)} becomes {told(after.log)}, which does not continue it"
    if len(applied) != len(set(applied)):
        return f"a request takes effect twice in {told(after.log)}"
    early = sorted(after.written - set(applied))
    if early:
        return f"write {early[0][1]} of {early[0][0]} is answered before it has taken effect"
    return first(
        f"{client} reads {key}={value}, which no state from {told(before.log)} to {told(after.log)} holds"
        for (client, _), key, value in sorted(after.read - before.read, key=str)
        if not any(value_of(log, key) == value for log in passed)
    )


@refines(
    ChainMaster,
    Replica,
    ChainClient,
    initial=Register(),
    then=register_steps,
    links=("replica*", "client*"),
    source="van Renesse and Schneider 2004, §2: the specification of the storage service",
)
def refines_the_atomic_register(view: StateView) -> Register:
    """Every step of the chain is zero or more steps of one atomic register."""
    clients = view.of(ChainClient)
    written = {
        (name, number)
        for name, client in clients.items()
        for number, operation in client.done.items()
        if isinstance(operation, PutKey)
    }
    read = set()
    for _, to, _, message in view.messages():
        if isinstance(message, Written):
            written.add((to, message.number))
        elif isinstance(message, Value) and message.number in clients[to].pending:
            read.add(((to, message.number), clients[to].pending[message.number].key, message.value))
    return Register(decided(view, written), frozenset(written), frozenset(read))


def decided(view: StateView, written: set[Request]) -> tuple[LogEntry, ...]:
    """The updates that have taken effect: those that a tail holds, and those that a tail has answered and died."""
    full = members(view)
    if not full:
        return ()
    _, head = full[0]
    answered = [at for at, request in enumerate(requests(head.history), 1) if request in written]
    held = [
        len(replica.history)
        for name, replica in view.of(Replica).items()
        if replica.joined and replica.configuration.chain[-1] == name
    ]
    return head.history[: max(answered + held, default=0)]


# ---- when nothing moves any more ------------------------------------------------------------------------------------


@audit(ChainClient, ChainMaster, Replica, source="van Renesse and Schneider 2004, §3.1")
def every_request_is_answered(view: StateView) -> str | None:
    """At rest, no request is unanswered if every chain has a full member that is alive."""
    if not all(chains(view).values()):
        return None
    return first(
        f"{name}: {unanswered(client)}"
        for name, client in view.of(ChainClient).items()
        if client.pending or client.todo
    )


@audit(ChainMaster, Replica, source="van Renesse and Schneider 2004, §3.3")
def an_extension_completes(view: StateView) -> str | None:
    """If a full member is alive, every live replica that was not expelled serves requests."""
    master = view.one(ChainMaster)
    if master is None or not members(view):
        return None
    serving = {name for name, _ in members(view)}
    return first(
        f"{name} lives and does not serve; serving are {', '.join(sorted(serving))}"
        for name in view.of(Replica)
        if name not in serving and name not in master.suspects
    )


# ---- what a scope must reach ----------------------------------------------------------------------------------------


@sometimes(Replica, source="van Renesse and Schneider 2004, §3.1: failure of the tail")
def a_tail_failed_with_an_update_in_flight(view: StateView) -> str | None:
    """The tail has failed while its predecessor waits for the acknowledgement of an update."""
    return first(
        f"{replica.configuration.chain[-1]} is gone, {name} has {len(replica.sent)} updates unacknowledged"
        for name, replica in view.of(Replica).items()
        if replica.sent
        and replica.configuration.chain[-1] in view.dead
        and replica.configuration.chain[-2:-1] == (name,)
    )


@sometimes(Replica, source="van Renesse and Schneider 2004, §3.1", links=("replica*", "replica*"))
def an_update_is_resent(view: StateView) -> str | None:
    """A new successor is sent an update that it lacks."""
    return first(
        f"{sender} resends {told(message.entries)} to {to}"
        for sender, to, _, message in view.messages()
        if isinstance(message, Resend) and message.entries
    )


@sometimes(ChainClient, source="CorfuDB #832", links=("replica*", "client*"))
def a_client_used_an_old_configuration(view: StateView) -> str | None:
    """A request is refused because its client is behind."""
    clients = view.of(ChainClient)
    return first(
        f"{to} is in epoch {clients[to].configuration.epoch}, {sender} in {message.configuration.epoch}"
        for sender, to, _, message in view.messages()
        if isinstance(message, Refused) and message.configuration.epoch > clients[to].configuration.epoch
    )


@sometimes(Replica, source="van Renesse and Schneider 2004, §2", links=("client*", "replica*"))
def an_applied_request_is_repeated(view: StateView) -> str | None:
    """A client repeats a request that the head has already applied."""
    replicas = view.of(Replica)
    return first(
        f"{client} asks {to} again for request {message.number}"
        for client, to, _, message in view.messages()
        if isinstance(message, Write) and to in replicas and (client, message.number) in requests(replicas[to].history)
    )


@sometimes(Replica, source="van Renesse and Schneider 2004, §3.3", links=("replica*", "replica*"))
def an_update_flows_to_a_joining_replica(view: StateView) -> str | None:
    """An update is on its way to a replica that does not serve yet."""
    replicas = view.of(Replica)
    return first(
        f"{sender} sends an update to {to}"
        for sender, to, _, message in view.messages()
        if isinstance(message, Update) and to in replicas and not replicas[to].joined
    )


@sometimes(source="van Renesse and Schneider 2004, §3.3", links=("replica*", "master"))
def a_replica_that_started_empty_serves(view: StateView) -> str | None:
    """A replica tells the master that it has become a full member."""
    return first(f"{sender} has joined" for sender, *_, message in view.messages() if isinstance(message, Joined))


@sometimes(ChainMaster, Replica, source="CORFU, NSDI 2012, §3.3")
def a_live_replica_is_expelled(view: StateView) -> str | None:
    """A replica that is alive is expelled from the chain."""
    master = view.one(ChainMaster)
    if master is None:
        return None
    return first(f"{name} lives" for name in view.of(Replica) if name not in master.configuration.chain)


CHAIN = (
    update_propagation,
    inprocess_requests,
    acknowledged_writes_survive,
    one_effect_per_request,
    every_request_is_answered,
)
"""What is checked of a chain in every scope, the largest too."""


REFINED = (*CHAIN, refines_the_atomic_register)
"""The same, with every step compared with the atomic register."""


UNDER_CRASHES = (*CHAIN, a_tail_failed_with_an_update_in_flight, an_update_is_resent)


READING = (*REFINED, linearizable, a_client_used_an_old_configuration)


RETRYING = (*REFINED, an_applied_request_is_repeated, an_update_is_resent)


STALE = (*REFINED, linearizable, epochs_never_go_back, a_client_used_an_old_configuration)


EXTENDING = (
    *REFINED,
    linearizable,
    an_extension_completes,
    an_update_flows_to_a_joining_replica,
    a_replica_that_started_empty_serves,
)


RESTARTING = (*REFINED, an_extension_completes, a_replica_that_started_empty_serves)


SEALING = (*REFINED, linearizable, no_write_in_a_sealed_epoch, epochs_never_go_back)
"""What is checked of a chain whose members promise not to serve an old epoch any more."""


SUSPECTING = (*SEALING, a_live_replica_is_expelled)


@leads_to(ChainMaster, Replica, then=an_extension_completes.check, source="van Renesse and Schneider 2004, §3.3")
def extensions_complete(view: StateView) -> object:
    """A replica that lives and is not a member becomes one."""
    return an_extension_completes.check(view)


@eventually(ChainClient, Replica, source="van Renesse and Schneider 2004, §3.1; bug benchmark L2")
def writes_get_answers(view: StateView) -> str | None:
    """Every request is answered in the end, or no replica is alive."""
    if not view.of(Replica):
        return None
    return first(
        f"{name}: {unanswered(client)}"
        for name, client in view.of(ChainClient).items()
        if client.pending or client.todo
    )


CHAIN_RUNS = (writes_get_answers,)
"""Everything that must happen some day in a chain."""
