"""The lines of a recording, as written: one frozen class for each kind, with times in whole microseconds.

Schemas 1 and 2, described in `docs/recordings.md`. Left out: fields that say nothing about scheduling (hex ids of tasks
and objects, reference kinds, class hierarchies of exceptions, the last entry of an actor's log).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from rayproof.jsonfields import Fields
from rayproof.model.graph import ActorId, NodeId, ObjectId, TaskId, TaskKind

TASK_KINDS = {
    "NORMAL_TASK": TaskKind.NORMAL,
    "ACTOR_CREATION_TASK": TaskKind.ACTOR_CREATION,
    "ACTOR_TASK": TaskKind.ACTOR_METHOD,
    # Names of the recorder itself, for a task of which Ray's state API kept no row.
    "task": TaskKind.NORMAL,
    "actor_task": TaskKind.ACTOR_METHOD,
}


class FaultKind(StrEnum):
    """What was done to the cluster or to the program while it ran."""

    KILL_NODE = "kill_node"
    NODE_DEAD_SEEN = "node_dead_seen"
    ADD_NODE = "add_node"
    WORKER_EXIT = "worker_exit"
    ACTOR_EXIT = "actor_exit"
    KILL_ACTOR = "kill_actor"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class MetaLine:
    """The first line: what was recorded, with which Ray."""

    scenario: str
    description: str
    ray: str
    settings: tuple[str, ...]
    complete: bool
    """Whether every fault is told: a recorder that made the cluster knows what died, and when, a script's recorder need
    not."""
    lost: tuple[str, ...] = ()
    """Sentences on what the recorder knows that it does not tell."""


@dataclass(frozen=True, slots=True)
class NodeLine:
    """A node, dead or alive."""

    at: Fields
    id: NodeId
    hex: str
    head: bool
    amounts: Mapping[str, float]
    labels: tuple[tuple[str, str], ...]
    object_store_bytes: int | None
    alive_at_end: bool
    spilled: int = 0
    """Objects that its store wrote to disk, over its life; 0 in schema 1, where probes tell."""


@dataclass(frozen=True, slots=True)
class TaskLine:
    """One attempt of one task, as Ray's state API told it after the run."""

    at: Fields
    id: TaskId
    attempt: int
    kind: TaskKind
    name: str
    parent: TaskId
    actor: ActorId | None
    recorded: bool
    """False when the task was submitted past the recorder: arguments and results are then unknown."""
    inputs: tuple[ObjectId, ...]
    borrowed: tuple[ObjectId, ...]
    outputs: tuple[ObjectId, ...]
    required: Mapping[str, float] | None
    options: Fields
    node: NodeId | None
    worker: str | None
    state: str
    error: str | None
    reached_us: Mapping[str, int]
    """When each of Ray's task states was reached; exact to a millisecond."""


@dataclass(frozen=True, slots=True)
class ActorLine:
    """An actor."""

    at: Fields
    id: ActorId
    name: str
    state: str
    restarts: int
    required: Mapping[str, float] | None
    options: Fields
    ended_us: int | None = None
    """When it died for good; None in schema 1, and for one that was alive at the end."""
    reason: str = ""
    """Ray's word for why it died; empty when unknown."""


@dataclass(frozen=True, slots=True)
class GroupLine:
    """A placement group and where its bundles went."""

    at: Fields
    id: str
    hex: str
    bundles: tuple[tuple[int, Mapping[str, float], NodeId | None], ...]
    strategy: str | None
    """None in schema 1, where the event that the group was ready tells it."""


@dataclass(frozen=True, slots=True)
class ObjectLine:
    """An object; no producer means a put, or an object made before the recording began."""

    at: Fields
    id: ObjectId
    producer: TaskId | None
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class Submitted:
    """A call of `.remote()` began: of a function or method (`task`), or of a class (`actor`)."""

    at: Fields
    us: int
    by: TaskId
    task: TaskId | None
    actor: ActorId | None


@dataclass(frozen=True, slots=True)
class PutDone:
    """`ray.put` returned."""

    at: Fields
    us: int
    by: TaskId
    object: ObjectId
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class GetBegin:
    """`ray.get` was entered."""

    at: Fields
    us: int
    by: TaskId
    objects: tuple[ObjectId, ...]
    groups: tuple[str, ...] = ()
    """Placement groups (short ids) that are waited for until they are ready."""


@dataclass(frozen=True, slots=True)
class GetEnd:
    """`ray.get` returned, or raised `error`."""

    at: Fields
    us: int
    by: TaskId
    error: str | None


@dataclass(frozen=True, slots=True)
class WaitBegin:
    """`ray.wait` was entered."""

    at: Fields
    us: int
    by: TaskId
    objects: tuple[ObjectId, ...]
    count: int


@dataclass(frozen=True, slots=True)
class WaitEnd:
    """`ray.wait` returned with `ready` objects."""

    at: Fields
    us: int
    by: TaskId
    ready: int
    objects: tuple[ObjectId, ...]
    """Those objects."""


@dataclass(frozen=True, slots=True)
class BodyStart:
    """First statement of a body."""

    at: Fields
    us: int
    task: TaskId
    attempt: int
    node: NodeId
    process: int


@dataclass(frozen=True, slots=True)
class BodyEnd:
    """Last statement of a body; `ok` is false when it raised."""

    at: Fields
    us: int
    task: TaskId
    ok: bool


@dataclass(frozen=True, slots=True)
class Located:
    """A probe: which nodes held an object."""

    at: Fields
    us: int
    object: ObjectId
    nodes: tuple[NodeId, ...]
    size_bytes: int | None
    spilled: bool


@dataclass(frozen=True, slots=True)
class GroupReady:
    """A placement group was reserved; `group` is the hex id."""

    at: Fields
    us: int
    group: str
    strategy: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """A process let go of its last reference to an object."""

    at: Fields
    us: int
    by: TaskId
    object: ObjectId


@dataclass(frozen=True, slots=True)
class HandleDropped:
    """A process let go of an actor's handle."""

    at: Fields
    us: int
    by: TaskId
    actor: ActorId


@dataclass(frozen=True, slots=True)
class GroupMade:
    """A placement group was asked for; `group` is the short id."""

    at: Fields
    us: int
    by: TaskId
    group: str


@dataclass(frozen=True, slots=True)
class GroupRemoved:
    """A placement group was removed."""

    at: Fields
    us: int
    by: TaskId
    group: str


@dataclass(frozen=True, slots=True)
class FaultSeen:
    """Something was killed, cancelled or added."""

    at: Fields
    us: int
    kind: FaultKind
    node: NodeId | None
    actor: ActorId | None
    task: TaskId | None


@dataclass(frozen=True, slots=True)
class ActorState:
    """An actor told its state: how long its log of methods is."""

    at: Fields
    us: int
    actor: ActorId
    length: int | None


Event: TypeAlias = (
    Submitted
    | PutDone
    | GetBegin
    | GetEnd
    | WaitBegin
    | WaitEnd
    | BodyStart
    | BodyEnd
    | Located
    | GroupReady
    | FaultSeen
    | ActorState
    | Dropped
    | HandleDropped
    | GroupMade
    | GroupRemoved
)
Line: TypeAlias = MetaLine | NodeLine | TaskLine | ActorLine | GroupLine | ObjectLine | Event
