"""Several shards, each a chain with a master of its own: the processes, and how clients and failures reach them.

Source: OSDI 2018, section 4.2.1: the store is sharded by key, and every shard is chain-replicated.

Left out: keys that move between shards; replicas of different shards on one node, which would fail together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from rayproof.model.gcs.chain.master import ChainMaster
from rayproof.model.gcs.chain.protocol import Configuration
from rayproof.model.gcs.chain.replica import Replica
from rayproof.model.kernel import Name, Process, Slot


@dataclass(frozen=True)
class Chains:
    """How control state is kept, and what may befall it."""

    shards: int = 1
    replicas: int = 2
    """Of each shard."""
    crashes: int = 1
    """Replicas that may crash, over all shards; fewer than a chain has."""
    answers_get_lost: bool = False
    """Whether what a replica has sent may be lost with it: then clients ask again after a time-out."""

    def configurations(self) -> tuple[Configuration, ...]:
        """What every chain begins with."""
        return tuple(
            Configuration(0, tuple(f"replica{shard}.{i}" for i in range(self.replicas)), shard=f"shard{shard}")
            for shard in range(self.shards)
        )

    def replica_slots(self) -> tuple[Slot, ...]:
        """Every replica of every shard."""
        return tuple(slot for configuration in self.configurations() for slot in configuration.chain)

    def watchers(self) -> dict[Slot, tuple[Slot, ...]]:
        """Each replica is watched by the master of its shard."""
        return {
            slot: (f"master{shard}",)
            for shard, configuration in enumerate(self.configurations())
            for slot in configuration.chain
        }

    def processes(self, clients: tuple[Name, ...], swap: Mapping[Any, Any]) -> dict[Slot, Callable[[], Process]]:
        """Replicas and masters; `clients` are told of new configurations, `swap` puts other classes in their place."""
        made: dict[Slot, Callable[[], Process]] = {}
        replica, master = swap.get(Replica, Replica), swap.get(ChainMaster, ChainMaster)
        for shard, first in enumerate(self.configurations()):
            made[f"master{shard}"] = partial(master, first, clients=clients)
            for slot in first.chain:
                made[slot] = partial(replica, first, master=f"master{shard}")
        return made
