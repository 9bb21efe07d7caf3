"""What a recording of real Ray says, in the model's own terms.

Times are whole microseconds since the driver's first submit; sizes are bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.graph import ActorId, BundleStrategy, ClusterSpec, NodeId, Program, Resources, TaskId
from rayproof.model.scheduler.ray import HybridOptions
from rayproof.recordings.lines import FaultKind


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at one task, as it went in the recording."""

    task: TaskId
    attempt: int
    node: NodeId | None
    """None when it never reached a worker, and for constructors, whose node Ray does not tell."""
    worker: str | None
    waiting_us: int | None
    """When its arguments were there and a node was first sought for it; exact to a millisecond."""
    placed_us: int | None
    """When it was sent to a worker: the decision on its node lies between `waiting_us` and this."""
    start_us: int | None
    """First statement of its body; exact."""
    end_us: int | None
    state: str
    """Ray's last state of it: FINISHED, FAILED, or the state in which the recording left it."""
    error: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the recorded run went."""

    makespan_us: int
    """From the driver's first submit to the latest of: a body's end, the end of a get or wait, an act of the driver.

    This is the one definition of the recorded makespan. Time after that (collecting the recording) does not count.
    """
    attempts: tuple[Attempt, ...]
    bytes_moved: int
    """At least so much was copied between nodes: each object above the inline limit once for every node, other than
    the one that made it, on which a body consumed it or (the head) the driver got it."""

    @property
    def makespan_s(self) -> float:
        """The recorded makespan in seconds."""
        return self.makespan_us / 1e6


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that was done to the run from outside, or by the program to itself."""

    kind: FaultKind
    at_us: int
    node: NodeId | None = None
    actor: ActorId | None = None
    task: TaskId | None = None


@dataclass(frozen=True, slots=True)
class Startup:
    """What it cost in the recorded run to get a body going, estimated from it.

    A delay ends with the first statement of a body. It begins when its task was waiting and, for the first body of a
    worker process, its node had room for it (by the bodies seen there); for later ones, when that process was free.
    The first body pays for starting the process and for loading the code, unless an earlier run had warmed it; later
    ones pay for the scheduling alone.
    """

    cold_us: int
    """Median delay of the first body of a worker process; 0 when there is none."""
    warm_us: int
    """Median delay of the later bodies; 0 when there is none."""
    actor_us: int
    """Median time from the request for a node to an actor's first method, or to its constructor's end; 0 without."""
    first_bodies: tuple[tuple[NodeId, tuple[int, ...]], ...]
    """For each node the delays of the first bodies of its workers, in the order in which these bodies started."""
    first_loads: tuple[tuple[NodeId, tuple[int, ...]], ...] = ()
    """What each of these processes took to be ready, by node, from the push of its first task to it; for a process that
    had just been started, from the moment when it could have been used."""
    actor_start_us: int = 0
    """Median time from an actor's request for a node to its constructor's start; 0 without."""


@dataclass(frozen=True, slots=True)
class Group:
    """A placement group."""

    id: str
    strategy: BundleStrategy
    bundles: tuple[Resources, ...]
    nodes: tuple[NodeId | None, ...]
    """Where each bundle was reserved in the recording."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded run: the workload, the cluster, and what came of it."""

    name: str
    description: str
    ray: str
    """Version of Ray; empty when the source does not tell."""
    program: Program
    cluster: ClusterSpec
    """Every node of the run, the head first, those that joined later last."""
    late: tuple[NodeId, ...]
    """Nodes that joined after the driver's first submit; their times are among the faults."""
    setup: frozenset[TaskId]
    """Tasks that stand for objects made before the recording began: pinned to the node that held the object, without
    demand and duration. The driver submits them and waits for them first; clocks start at its first other submit."""
    groups: tuple[Group, ...]
    outcome: Outcome
    faults: tuple[Fault, ...]
    startup: Startup
    unsupported: tuple[str, ...]
    """One sentence for each thing in the source that the program and the cluster do not express."""

    placement: HybridOptions = HybridOptions()
    """Ray's settings of its default policy in the run."""

    @property
    def initial_cluster(self) -> ClusterSpec:
        """The cluster as it was at the driver's first submit."""
        nodes = tuple(node for node in self.cluster.nodes if node.id not in self.late)
        return ClusterSpec(nodes, self.cluster.name, self.cluster.bandwidth_bytes_per_s, self.cluster.max_nodes)
