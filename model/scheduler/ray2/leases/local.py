"""What a node has given away on leases: workers, their resources, and which class may have one more.

Source: Ray 2.60, `local_lease_manager.cc::ReleaseWorkerResources`, `ReleaseCpuResourcesFromBlockedWorker`,
`ReturnCpuResourcesToUnblockedWorker`, `SchedulingClassInfo`; `node_manager.cc::HandleNotifyWorkerBlocked`,
`HandleNotifyWorkerUnblocked`, `HandleReturnWorkerLease`.

A worker that waits in a get gives its CPUs back and takes them again, below zero if it must. So that nested tasks do
not start worker after worker, a class gets no more of them than could run at once; after a while one more may start,
or tasks that wait for others of their class would wait for ever.

Left out: workers that start slowly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rayproof.model.graph import Resources
from rayproof.model.kernel import Context, Name, Process, constant
from rayproof.model.scheduler.ray2.leases.protocol import ClassId, Granting, LeaseGranted, LeaseId, SchedulingClass

CAP = "cap:"
"""Prefix of the timers after which a class at its cap may have one worker more (1 s, doubled each time, 10 s)."""

CAP_US, MOST_CAP_US = 1_000_000, 10_000_000

Waiting = tuple[LeaseId, Name, bool]
"""A request: (lease, owner, whether it was redirected here)."""


@dataclass(slots=True)
class NodeLeases(Process):
    """The local half of a raylet; its `receive` is the raylet's."""

    classes: Mapping[ClassId, SchedulingClass] = constant()
    order: tuple[Name, ...] = constant()
    """All raylets in the tie-break order."""
    totals: Mapping[Name, Resources] = constant()
    workers: tuple[Name, ...] = constant()
    free: Resources = Resources()
    to_grant: dict[ClassId, list[Waiting]] = field(default_factory=dict)
    granted: dict[LeaseId, tuple[ClassId, Name, Resources]] = field(default_factory=dict)
    """Leases -> (class, worker, what it holds)."""
    blocked: set[Name] = field(default_factory=set)
    """Workers that wait in a get and hold no CPU."""
    resumed: set[Name] = field(default_factory=set)
    """Workers that came out of a get with their present lease; only they may push `free` below zero."""
    lifted: dict[ClassId, int] = field(default_factory=dict)
    """Workers that a class may have beyond its cap."""
    stored: Resources = Resources()
    """What results keep."""
    draining: bool = False
    idle: list[Name] = field(default_factory=list)

    def returned(self, lease: LeaseId, worker: Name) -> None:
        """A worker comes back; a return that comes twice frees nothing the second time.

        It may come before the notice that the worker has left its get.
        """
        if lease in self.granted:
            _, held, taken = self.granted[lease]
            self.unblock(held)
            self.resumed.discard(held)
            del self.granted[lease]
            self.free = self.free + taken
            self.idle = sorted([*self.idle, held])

    def block(self, worker: Name) -> None:
        """A worker waits in a get: its CPUs are free (`ReleaseCpuResourcesFromBlockedWorker`)."""
        if worker not in self.blocked and any(worker == held for _, held, _ in self.granted.values()):
            self.blocked.add(worker)
            self.free = self.free + self.processors(worker)

    def unblock(self, worker: Name) -> None:
        """It goes on, whoever has its CPUs now (`ReturnCpuResourcesToUnblockedWorker`)."""
        if worker in self.blocked:
            self.blocked.remove(worker)
            self.resumed.add(worker)
            self.free = self.free - self.processors(worker)

    def processors(self, worker: Name) -> Resources:
        """The CPUs that a worker's lease holds when it runs, those of bundles included."""
        units = {}
        for _, held, taken in self.granted.values():
            if held == worker:
                units.update({name: amount for name, amount in taken.units if name.split("_group_")[0] == "CPU"})
        return Resources.from_units(units)

    def leave(self, of: ClassId) -> None:
        """Take the head of a class off the queue."""
        self.to_grant[of] = self.to_grant[of][1:]
        if not self.to_grant[of]:
            del self.to_grant[of]

    def give(self, ctx: Context, of: ClassId, waiting: Waiting) -> None:
        """Allocate, and hand a worker to the owner."""
        lease, owner, _ = waiting
        worker = self.idle.pop(0)
        taken = self.allocation(of) or Resources()
        self.free = self.free - taken
        self.granted[lease] = (of, worker, taken)
        ctx.observe(Granting(lease, ctx.me, self.draining))
        ctx.send(owner, LeaseGranted(lease, worker))

    def allocation(self, of: ClassId) -> Resources | None:
        """What a lease of a class would take here; None when there is no room."""
        demand = self.classes[of].demand
        return demand if demand.fits(self.free) else None

    def is_its_turn(self, ctx: Context, of: ClassId) -> bool:
        """Whether a class may have a worker, as far as other classes and its own waiting workers are concerned."""
        return not self.has_its_share(ctx, of) and not self.is_at_its_cap(ctx, of)

    def has_its_share(self, ctx: Context, of: ClassId) -> bool:
        """Fair share: when CPUs are short, a class that holds more than its part waits for the others."""
        wanted = sum(self.classes[each].demand["CPU"] * len(queue) for each, queue in self.to_grant.items())
        if not self.classes[of].demand["CPU"] or wanted <= self.totals[ctx.me]["CPU"]:
            return False
        held = [each for each, _, _ in self.granted.values() if self.classes[each].demand["CPU"]]
        rivals = [each for each in self.to_grant if self.classes[each].demand["CPU"]]
        return held.count(of) > len(held) // len(rivals)

    def is_at_its_cap(self, ctx: Context, of: ClassId) -> bool:
        """A class has as many workers as could run at once; after a while it may have one more."""
        asked, total = self.classes[of].demand["CPU"], self.totals[ctx.me]["CPU"]
        if not asked:
            return False
        cap = (2 * total + asked) // (2 * asked)
        count = sum(each == of for each, _, _ in self.granted.values())
        if count < cap:
            self.lifted.pop(of, None)
            return False
        if count < cap + self.lifted.get(of, 0):
            return False
        ctx.set_timer(f"{CAP}{of}", min(MOST_CAP_US, CAP_US * 2 ** (count - cap)))
        return True
