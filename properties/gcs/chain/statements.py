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


def neighbours(view: StateView) -> Iterator[tuple[Replica, Replica]]:
    """Each replica with its successor, in every chain."""
    for chain in chains(view).values():
        for (_, before), (_, after) in pairwise(chain):
            yield before, after


def requests(entries: tuple[LogEntry, ...]) -> list[Request]:
    """Which requests these updates answer."""
    return [(entry.client, entry.number) for entry in entries]


# ---- in every state -----------------------------------------------------------------------------------------------


@always(Replica, ChainMaster, source="van Renesse and Schneider 2004, §3: Update Propagation Invariant")
def update_propagation(view: StateView) -> bool:
    """A replica's history is a prefix of its predecessor's, along the master's chain."""
    return all(before.history[: len(after.history)] == after.history for before, after in neighbours(view))


@always(Replica, ChainMaster, source="van Renesse and Schneider 2004, §3: Inprocess Requests Invariant")
def inprocess_requests(view: StateView) -> bool:
    """What a successor lacks of its predecessor's history is still in the predecessor's `sent`."""
    for before, after in neighbours(view):
        lacking = before.history[len(after.history) :]
        if lacking and before.sent[-len(lacking) :] != lacking:
            return False
    return True


@always(ChainClient, ChainMaster, Replica, source="van Renesse and Schneider 2004, §2, §3; bug benchmark S5")
def acknowledged_writes_survive(view: StateView) -> bool:
    """An acknowledged write is held by every live replica that the master counts in."""
    held = {shard: [set(requests(replica.history)) for _, replica in chain] for shard, chain in chains(view).items()}
    return all(
        (name, number) in histories
        for name, client in view.of(ChainClient).items()
        for number, operation in client.done.items()
        if isinstance(operation, PutKey)
        for histories in held.get(client.configuration_for(operation.key).shard, ())
    )


@always(Replica, each=True, source="van Renesse and Schneider 2004, §2: asking again; bug benchmark S5")
def one_effect_per_request(replica: Replica) -> bool:
    """However often a request is sent, it is applied once."""
    applied = requests(replica.history)
    return len(applied) == len(set(applied))


@step(Replica, ChainClient, source="bug benchmark D71: a client goes back to an older layout")
def epochs_never_go_back(before: StateView, taken: Taken, after: StateView) -> bool:
    """Neither a client nor a replica gives up a configuration for an older one."""
    kinds: tuple[type[Replica] | type[ChainClient], ...] = (Replica, ChainClient)
    return all(
        process.configuration.epoch >= earlier.configuration.epoch
        for kind in kinds
        for name, process in after.of(kind).items()
        if (earlier := before.of(kind).get(name)) is not None
    )


@dataclass(frozen=True, slots=True)
class WritesInOldEpochs:
    """Monitor: the epoch in force, and whether a head has taken a new update under an older one since."""

    in_force: int = 0
    broken: bool = False

    def observe(self, event: object) -> WritesInOldEpochs:
        """Fold one event."""
        match event:
            case Activated(epoch):
                return replace(self, in_force=epoch)
            case Accepted(_, epoch) if epoch < self.in_force:
                return replace(self, broken=True)
            case _:
                return self


@always(source="CORFU, NSDI 2012, §3.3; bug benchmark D70", monitors=(WritesInOldEpochs,))
def no_write_in_a_sealed_epoch(view: StateView) -> bool:
    """Once a configuration is in force, no head takes an update under an older one.

    Only where the master seals: a word of death that can be believed needs no sealing.
    """
    return not view.monitor(WritesInOldEpochs).broken


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


def register_steps(before: Register, after: Register) -> bool:
    """Whether updates, queries and answers of the atomic register lead from one state to the other."""
    applied = requests(after.log)
    passed = [after.log[:length] for length in range(len(before.log), len(after.log) + 1)]
    return (
        after.log[: len(before.log)] == before.log
        and len(applied) == len(set(applied))
        and after.written <= set(applied)
        and all(any(value_of(log, key) == value for log in passed) for _, key, value in after.read - before.read)
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
def every_request_is_answered(view: StateView) -> bool:
    """While a full member of every chain lives, no request stays unanswered."""
    return not all(chains(view).values()) or not any(
        client.pending or client.todo for client in view.of(ChainClient).values()
    )


@audit(ChainMaster, Replica, source="van Renesse and Schneider 2004, §3.3")
def an_extension_completes(view: StateView) -> bool:
    """While a full member lives, every live replica that was not expelled serves."""
    master = view.one(ChainMaster)
    if master is None or not members(view):
        return True
    serving = {name for name, _ in members(view)}
    return all(name in serving or name in master.suspects for name in view.of(Replica))


# ---- what a scope must reach ----------------------------------------------------------------------------------------


@sometimes(Replica, source="van Renesse and Schneider 2004, §3.1: failure of the tail")
def a_tail_failed_with_an_update_in_flight(view: StateView) -> bool:
    """The last replica is gone while the one before it has something unacknowledged."""
    return any(
        replica.sent and replica.configuration.chain[-1] in view.dead and replica.configuration.chain[-2:-1] == (name,)
        for name, replica in view.of(Replica).items()
    )


@sometimes(Replica, source="van Renesse and Schneider 2004, §3.1", links=("replica*", "replica*"))
def an_update_is_resent(view: StateView) -> bool:
    """A new successor is sent an update that it lacks."""
    return any(isinstance(message, Resend) and message.entries for *_, message in view.messages())


@sometimes(ChainClient, source="CorfuDB #832", links=("replica*", "client*"))
def a_client_used_an_old_configuration(view: StateView) -> bool:
    """A request is refused because its client is behind."""
    clients = view.of(ChainClient)
    return any(
        isinstance(message, Refused) and message.configuration.epoch > clients[to].configuration.epoch
        for _, to, _, message in view.messages()
    )


@sometimes(Replica, source="van Renesse and Schneider 2004, §2", links=("client*", "replica*"))
def an_applied_request_is_repeated(view: StateView) -> bool:
    """A client asks again for what the head has applied."""
    replicas = view.of(Replica)
    return any(
        isinstance(message, Write) and to in replicas and (client, message.number) in requests(replicas[to].history)
        for client, to, _, message in view.messages()
    )


@sometimes(Replica, source="van Renesse and Schneider 2004, §3.3", links=("replica*", "replica*"))
def an_update_flows_to_a_joining_replica(view: StateView) -> bool:
    """An update is on its way to a replica that does not serve yet."""
    replicas = view.of(Replica)
    return any(
        isinstance(message, Update) and to in replicas and not replicas[to].joined
        for _, to, _, message in view.messages()
    )


@sometimes(source="van Renesse and Schneider 2004, §3.3", links=("replica*", "master"))
def a_replica_that_started_empty_serves(view: StateView) -> bool:
    """A replica tells the master that it has become a full member."""
    return any(isinstance(message, Joined) for *_, message in view.messages())


@sometimes(ChainMaster, Replica, source="CORFU, NSDI 2012, §3.3")
def a_live_replica_is_expelled(view: StateView) -> bool:
    """A replica that only seemed dead is counted out."""
    master = view.one(ChainMaster)
    return master is not None and any(name not in master.configuration.chain for name in view.of(Replica))


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


def _everybody_serves(view: StateView) -> bool:
    return bool(an_extension_completes.check(view))


@leads_to(ChainMaster, Replica, then=_everybody_serves, source="van Renesse and Schneider 2004, §3.3")
def extensions_complete(view: StateView) -> bool:
    """A replica that lives and is not a member becomes one."""
    return not an_extension_completes.check(view)


@eventually(ChainClient, Replica, source="van Renesse and Schneider 2004, §3.1; bug benchmark L2")
def writes_get_answers(view: StateView) -> bool:
    """Every request is answered some day, or no replica lives."""
    clients = view.of(ChainClient).values()
    return not view.of(Replica) or not any(client.pending or client.todo for client in clients)


CHAIN_RUNS = (writes_get_answers,)
"""Everything that must happen some day in a chain."""
