"""The atomic store: one register per key, one step per operation; and keys spread over several such stores.

Source: OSDI 2018, section 4.2.1: the control store is sharded by key, and each shard is a chain. A chain refines this
store (`rayproof.properties.gcs.chain.statements.refines_the_atomic_register`), so what is found about clients
on it holds on chains.

Nothing is atomic across shards: an update of two keys is two updates, and a reader may see one without the other.

Left out: moving keys between shards.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rayproof.model.gcs.chain.clients import ChainClient
from rayproof.model.gcs.chain.protocol import (
    ABSENT,
    Configuration,
    Datum,
    Key,
    Read,
    Value,
    Write,
    Written,
)
from rayproof.model.kernel import Context, Message, Name, Process, Unhandled


def shard_of(key: Key, shards: int) -> int:
    """The shard that holds a key: a fixed function, so that nobody has to be asked."""
    return sum(key.encode()) % shards


@dataclass(slots=True)
class AtomicStore(Process):
    """One shard that never fails."""

    values: dict[Key, Datum] = field(default_factory=dict)
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

    others: tuple[Configuration, ...] = ()
    """The newest it has heard of the further shards; that of the first is its `configuration`."""

    def configuration_for(self, key: Key) -> Configuration:
        """The configuration of the shard of a key."""
        return (self.configuration, *self.others)[self.shard_of(key)]

    def shard_of(self, key: Key) -> int:
        """The shard that keeps a key."""
        return shard_of(key, 1 + len(self.others))

    def learn(self, ctx: Context, configuration: Configuration) -> None:
        """Adopt a newer configuration of one shard; what is pending there may have gone to the wrong replica."""
        known = [self.configuration, *self.others]
        place = next(i for i, shard in enumerate(known) if shard.shard == configuration.shard)
        if configuration.epoch > known[place].epoch:
            known[place] = configuration
            self.configuration, *others = known
            self.others = tuple(others)
            for number in sorted(self.pending):
                if self.shard_of(self.pending[number].key) == place:
                    self.ask(ctx, number)
