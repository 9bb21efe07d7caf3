"""The atomic store: one register per key, one step per operation; and keys spread over several such stores.

Source: OSDI 2018, section 4.2.1: the control store is sharded by key, and each shard is a chain. A chain refines this
store (`properties.statements.chain.refines_the_atomic_register`), so what is found about clients on it holds on chains.

Nothing is atomic across shards: an update of two keys is two updates, and a reader may see one without the other.

Left out: moving keys between shards.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from model.gcs.clients import ChainClient, Put
from model.gcs.protocol import ABSENT, Configuration, Key, Read, Value, Write, Written
from model.kernel import Context, Message, Name, Process, Unhandled, constant


def shard_of(key: Key, shards: int) -> int:
    """The shard that holds a key: a fixed function, so that nobody has to be asked."""
    return sum(key.encode()) % shards


@dataclass(slots=True)
class AtomicStore(Process):
    """One shard that never fails."""

    values: dict[Key, int] = field(default_factory=dict)
    """The registers."""
    applied: set[tuple[Name, int]] = field(default_factory=set)
    """Requests that have taken effect."""

    def receive(self, ctx: Context, sender: Name, message: Message) -> None:
        """Each operation is one step."""
        match message:
            case Write(_, number, key, value):
                if (sender, number) not in self.applied:
                    self.applied.add((sender, number))
                    self.values[key] = value
                ctx.send(sender, Written(number))
            case Read(_, number, key):
                ctx.send(sender, Value(number, self.values.get(key, ABSENT)))
            case _:
                raise Unhandled(message)


@dataclass(slots=True)
class ShardedClient(ChainClient):
    """A client that finds the shard of each key by itself."""

    shards: tuple[Name, ...] = constant(())

    def ask(self, ctx: Context, number: int) -> None:
        """Send a request to the shard of its key."""
        operation = self.pending[number]
        shard = self.shards[shard_of(operation.key, len(self.shards))]
        one = Configuration(0, (shard,))
        if isinstance(operation, Put):
            ctx.send(shard, Write(one, number, operation.key, operation.value))
        else:
            ctx.send(shard, Read(one, number, operation.key))
