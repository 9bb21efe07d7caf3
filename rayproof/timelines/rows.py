"""What several files of Ray tell of attempts, nodes, actors and objects, put together.

Times are microseconds since 1970. Source: Ray 2.60 `python/ray/util/state/common.py` (`TaskState`, `NodeState`,
`ActorState`, `ObjectState`), `src/ray/protobuf/export_task_event.proto`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Span = tuple[int, int]

ZONE_US = 15 * 60 * 1_000_000
"""Local times differ from those since 1970 by a multiple of this."""


@dataclass(slots=True)
class Row:
    """One attempt of one task."""

    task: str
    attempt: int
    name: str = ""
    kind: str = ""
    """NORMAL_TASK, ACTOR_TASK, ACTOR_CREATION_TASK or DRIVER_TASK; empty: not told."""
    state: str = ""
    parent: str = ""
    node: str = ""
    address: str = ""
    worker: str = ""
    resources: Mapping[str, float] | None = None
    error: str = ""
    actor: str = ""
    group: str = ""
    job: str = ""
    local: bool = False
    """Whether `reached_us` is in the local time of who wrote it."""
    reached_us: dict[str, int] = field(default_factory=dict)
    stay_us: Span | None = None
    """The whole stay at its worker."""
    body_us: Span | None = None
    """Its body alone."""

    def merge(self, other: Row) -> None:
        """Add what another file tells of the same attempt."""
        for name in ("name", "kind", "state", "parent", "node", "address", "worker", "error", "actor", "group", "job"):
            setattr(self, name, getattr(self, name) or getattr(other, name))
        if self.resources is None:
            self.resources = other.resources
        if other.reached_us and (self.local or not self.reached_us):
            self.local = other.local
            self.reached_us = {**self.reached_us, **other.reached_us} if self.local else dict(other.reached_us)
        elif not other.local:
            self.reached_us.update(other.reached_us)
        self.stay_us = self.stay_us or other.stay_us
        self.body_us = self.body_us or other.body_us

    @property
    def ran_us(self) -> Span | None:
        """When its body ran, as exactly as is told; None when that it ended is not."""
        if self.body_us or self.stay_us:
            return self.body_us or self.stay_us
        ends = [self.reached_us[state] for state in ("FINISHED", "FAILED") if state in self.reached_us]
        return (self.reached_us["RUNNING"], max(ends)) if ends and "RUNNING" in self.reached_us else None


@dataclass(frozen=True, slots=True)
class NodeTold:
    """A node as a listing of nodes tells it."""

    total: Mapping[str, float]
    labels: tuple[tuple[str, str], ...]
    head: bool


@dataclass(slots=True)
class Told:
    """Everything that was read."""

    path: str
    """Of the first file."""
    rows: dict[tuple[str, int], Row] = field(default_factory=dict)
    nodes: dict[str, NodeTold] = field(default_factory=dict)
    actors: dict[str, Mapping[str, float]] = field(default_factory=dict)
    """What each actor requires."""
    sizes: dict[str, int] = field(default_factory=dict)
    """Bytes of objects, by Ray's id."""
    states: bool = False
    """Whether a file told the state of tasks, and not just when bodies ran."""
    unused: list[str] = field(default_factory=list)
    """A sentence for each file that gave nothing."""

    def add(self, row: Row) -> None:
        """One more file's row of an attempt."""
        known = self.rows.setdefault((row.task, row.attempt), row)
        if known is not row:
            known.merge(row)

    def on_one_clock(self) -> None:
        """Local times become times since 1970, by what the same rows tell of both."""
        local = [row for row in self.rows.values() if row.local]
        apart = [
            row.reached_us["RUNNING"] - (row.stay_us or row.body_us or (0, 0))[0]
            for row in local
            if "RUNNING" in row.reached_us and (row.stay_us or row.body_us)
        ]
        shift = round(sorted(apart)[len(apart) // 2] / ZONE_US) * ZONE_US if apart else 0
        for row in local:
            row.reached_us = {state: at - shift for state, at in row.reached_us.items()}
            row.local = False
