"""Where a proposal plugs in: the `place` hook, what it may see, and the rules that its answers are held to.

A proposal is any object with a method `place(task, view, memory, ctx)`; nothing is inherited. It returns the name of
one of `view.options`, or `WAIT`; or a pair of that and its new memory, a hashable value that starts as the object's
attribute `memory` (the empty tuple without one). It sees what the scheduler knows, which may be stale. The other hooks
are in `queue_hooks` and `move_hooks`; `policies.with_defaults` completes a proposal that has only some of them.

Rules, each named in the `PolicyError` that reports its breach: `answer_type`, `legal_answer`, `deterministic`,
`no_exception`, `memory`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from inspect import getfile
from pathlib import PurePath
from re import sub
from traceback import extract_tb
from types import MappingProxyType
from typing import Any, Protocol, TypeVar, runtime_checkable

from rayproof.model.graph import Hints, NodeId, ObjectId, Resources, Strategy, TaskId
from rayproof.model.graph.hints import NO_HINTS
from rayproof.model.graph.labels import Selector
from rayproof.model.graph.resources import UNIT
from rayproof.model.kernel import Context, Name, PolicyError
from rayproof.model.scheduler.ray import Argument

T = TypeVar("T")

WAIT = None
"""The answer of a policy that lets a task wait; it is asked again when its view has changed."""

LONGEST_MESSAGE = 200
"""Characters shown of what a policy's exception says."""

REPEATS = 16
"""How often a verifying scheduler asks the same question to find hidden randomness."""


@dataclass(frozen=True, slots=True)
class TaskView:
    """What a policy knows of a task."""

    id: TaskId
    name: str
    demand: Resources
    inputs: tuple[ObjectId, ...]
    strategy: Strategy
    again: bool
    """Whether it is executed again after a loss."""
    hints: Hints = NO_HINTS
    actor: bool = False
    """Whether it creates an actor."""
    selectors: tuple[Selector, ...] = ()
    """What it asks of labels, and its fallbacks in their order: an option satisfies one of them at least."""
    error: str = ""
    """To `retry` alone: why its last attempt failed (`worker_died`); empty when it waits for a place."""


@dataclass(frozen=True, slots=True)
class NodeView:
    """What a scheduler knows of a node: its last heartbeat, less what was assigned since."""

    name: Name
    id: NodeId
    index: int
    """Position in the cluster; the tie-break order."""
    total: Resources
    labels: tuple[tuple[str, str], ...]
    free: Mapping[str, int]
    """Free resources in fixed-point units, never below zero: what the exact policies calculate with."""
    queue_length: int
    """Tasks queued, running or on their way there."""
    task_us: int
    """Estimated run time of a task there."""
    utilization: float
    """Ray's critical utilization: the largest of CPU, memory and object store memory, between 0 and 1."""
    alive: bool
    draining: bool = False
    pulls_queued: bool = False
    """Whether objects wait for room in its store."""
    gpu: bool = False
    """Whether it has any GPU."""

    @property
    def usable(self) -> bool:
        """Whether it may be given tasks."""
        return self.alive and not self.draining

    @property
    def available(self) -> Mapping[str, float]:
        """Free resources as Ray counts them: 1.0 for one CPU, never below zero."""
        return whole(self.free)

    @property
    def queued_us(self) -> int:
        """Estimated time until what is queued there has run, one task after the other."""
        return self.queue_length * self.task_us

    def fits_now(self, demand: Resources) -> bool:
        """Whether the demand fits what is free."""
        free = self.free
        for name, amount in demand.units:  # noqa: SIM110 - the inner loop of large simulations
            if amount > free.get(name, 0):
                return False
        return True


def whole(units: Mapping[str, int]) -> Mapping[str, float]:
    """Amounts in fixed-point units as Ray counts them: 1.0 for one CPU."""
    return MappingProxyType({name: amount / UNIT for name, amount in units.items()})


@dataclass(frozen=True, slots=True)
class ClusterView:
    """What a scheduler knows of the cluster when it places one task."""

    options: Sequence[NodeView]
    """Legal answers: alive, able to run the task when empty, and allowed by a node affinity and by its labels."""
    nodes: Sequence[NodeView]
    """Every node the scheduler has heard of, dead ones included."""
    origin: Name
    """The node where the task was submitted."""
    bandwidth_bytes_per_s: int
    """Estimated bandwidth between two nodes; 0 means that transfers cost nothing."""
    input_bytes: int
    """Size of all inputs of the task."""
    local_bytes: Mapping[Name, int] = field(default_factory=dict)
    """Bytes of the inputs that a node already holds; absent means none."""
    ranking: Sequence[tuple[int, int]] = ()
    """(queued time, index) of the living nodes, shortest queue first."""

    by_load: Sequence[tuple[float, int]] = ()
    """(utilization, index) of the living nodes, emptiest first."""
    numbers: Mapping[Name, int] = field(default_factory=dict)
    """Index of every node by its name."""
    arguments: Sequence[Argument] = ()
    """The inputs in the order of the task, with the nodes that hold them; empty for a policy that never looks."""

    def shortest_queues(self) -> Iterator[NodeView]:
        """The options by estimated queueing time, shortest first; taking only the first few costs little."""
        allowed = self.allowed()
        for _, index in self.ranking:
            if allowed is None or index in allowed:
                yield self.nodes[index]

    def option(self, name: Name) -> NodeView | None:
        """The option of that name, if it is one."""
        index = self.numbers.get(name)
        if index is None or not self.nodes[index].usable:
            return None
        if len(self.options) == len(self.ranking):
            return self.nodes[index]
        return next((node for node in self.options if node.index == index), None)

    def allowed(self) -> frozenset[int] | None:
        """Indices of the options; None when every living node is one."""
        return None if len(self.options) == len(self.ranking) else frozenset(node.index for node in self.options)

    def remote_bytes(self, node: Name) -> int:
        """Bytes that would have to be copied to a node first."""
        return self.input_bytes - self.local_bytes.get(node, 0)


class Choices(Protocol):
    """The only source of randomness that a policy has."""

    def choose(self, options: Sequence[T], *, random: bool = False) -> T:
        """One of the options; `random` marks a fair draw."""
        ...


@runtime_checkable
class Policy(Protocol):
    """A proposal for the `place` hook."""

    def place(self, task: TaskView, view: ClusterView, memory: Any, ctx: Choices) -> Any:
        """The node for a task; see the module."""
        ...


def policy_name(policy: object) -> str:
    """The policy's own name: its attribute `name`, else its class's."""
    name = getattr(policy, "name", None)
    return printable(name if isinstance(name, str) else type(policy).__name__)


def class_of(policy: object) -> type:
    """The class that its author wrote: that of a prioritizer where one is behind it."""
    return type(getattr(policy, "prioritizer", policy))


def printable(text: str) -> str:
    """What comes from a policy, fit for a sentence: at most `LONGEST_MESSAGE` characters, those of control escaped."""
    shown = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text[:LONGEST_MESSAGE])
    return shown if len(text) <= LONGEST_MESSAGE else shown + "..."


def remembers(policy: object) -> bool:
    """Whether a policy answers equal questions alike, and cannot write to what it is shown (attribute `remembers`)."""
    return getattr(policy, "remembers", False) is True


def uses_locations(policy: Policy) -> bool:
    """Whether the scheduler asks where inputs are; a policy that never looks may set `locality = False`."""
    return bool(getattr(policy, "locality", True))


def initial_memory(policy: Policy) -> Hashable:
    """The memory that the first call receives."""
    memory = getattr(policy, "memory", ())
    try:
        hash(memory)
    except TypeError:
        raise PolicyError(
            "memory", f"policy {policy_name(policy)} starts with a memory of type {type(memory).__name__}, not hashable"
        ) from None
    return memory


class _DrewOtherwise(Exception):
    """A repeated call asks for draws that the first one did not make."""


class _Recorded:
    """Hands a policy's choices through, or repeats those of an earlier call."""

    def __init__(self, ctx: Context | None, made: list[Any]) -> None:
        self._ctx = ctx
        self._made = made
        self._at = 0

    def choose(self, options: Sequence[T], *, random: bool = False) -> T:
        if self._ctx is not None:
            position = self._ctx.choose(range(len(options)), random=random)
            self._made.append(position)
            return options[position]
        if self._at >= len(self._made) or self._made[self._at] >= len(options):
            raise _DrewOtherwise
        self._at += 1
        recorded: int = self._made[self._at - 1]
        return options[recorded]


def ask(
    policy: Policy,
    task: TaskView,
    view: ClusterView,
    memory: Hashable,
    ctx: Context,
    *,
    legal: Callable[[Name], bool],
    repeats: int,
) -> tuple[Name | None, Hashable]:
    """The policy's answer and its new memory; raises `PolicyError` when it breaks a rule.

    `legal` says whether a name is among the options, without a look at each of them.
    With `repeats` above 1 the same question is asked that often, with the same draws, and the answers must agree; a
    policy that writes into its view fails then. One whose answers are remembered is asked once.
    """
    made: list[Any] = []
    if remembers(policy):
        repeats = 1
    if repeats > 1:
        view = read_only(view)
    answer = _call(policy, task, view, memory, _Recorded(ctx, made))
    for _ in range(repeats - 1):
        again: Any
        try:
            again = _call(policy, task, view, memory, _Recorded(None, made))
        except _DrewOtherwise:
            again = _DrewOtherwise
        if again != answer:
            raise PolicyError(
                "deterministic",
                f"policy {policy_name(policy)} gave different answers to the same question about {task.id}: "
                "what it draws must come from ctx.choose, what it remembers from memory",
            )
    node, after = answer if isinstance(answer, tuple) and len(answer) == 2 else (answer, memory)
    if node is not WAIT and not isinstance(node, str):
        raise PolicyError(
            "answer_type",
            f"policy {policy_name(policy)} answered with a {type(node).__name__} for {task.id}; "
            "expected the name of a node, or WAIT",
        )
    if node is not WAIT and not legal(node):
        raise PolicyError(
            "legal_answer",
            f"policy {policy_name(policy)} placed {task.id} on {printable(node)}, which is not among the options: "
            f"{_why(node, view)}",
        )
    try:
        hash(after)
    except TypeError:
        raise PolicyError(
            "memory", f"policy {policy_name(policy)} returned a memory of type {type(after).__name__}, not hashable"
        ) from None
    return node, after


def read_only(view: ClusterView) -> ClusterView:
    """The same view with nothing in it that could be written to: it is the scheduler's own."""

    def sealed(nodes: Sequence[NodeView]) -> tuple[NodeView, ...]:
        return tuple(replace(node, free=MappingProxyType(node.free)) for node in nodes)

    return replace(
        view,
        options=sealed(view.options),
        nodes=sealed(view.nodes),
        local_bytes=MappingProxyType(view.local_bytes),
        ranking=tuple(view.ranking),
        by_load=tuple(view.by_load),
        numbers=MappingProxyType(view.numbers),
    )


def _call(policy: Policy, task: TaskView, view: ClusterView, memory: Hashable, choices: _Recorded) -> Any:
    try:
        return policy.place(task, view, memory, choices)
    except (PolicyError, _DrewOtherwise):
        raise
    except (Exception, SystemExit) as error:
        raise raised_by(policy, error, f"when asked about {task.id}") from error


def raised_by(policy: object, error: BaseException, when: str) -> PolicyError:
    """The breach of `no_exception`: what was raised, with its message, and the line of the policy that it came from."""
    frames = extract_tb(error.__traceback__)
    own = _file_of(policy)
    frame = next((frame for frame in reversed(frames) if frame.filename == own), frames[-1])
    # Addresses differ from run to run, and a replay prints the same sentence.
    message = printable(" ".join(sub(r"0x[0-9a-f]+", "0x...", str(error)).split())[:LONGEST_MESSAGE])
    what = f"{type(error).__name__}({message})" if message else type(error).__name__
    where = f"{PurePath(frame.filename).name}:{frame.lineno}"
    return PolicyError("no_exception", f"policy {policy_name(policy)} raised {what} at {where} {when}")


def _file_of(policy: object) -> str:
    try:
        return getfile(class_of(policy))
    except (TypeError, OSError):
        return ""


def _why(node: Name, view: ClusterView) -> str:
    for known in view.nodes:
        if known.name == node:
            return "the node is dead or not up yet" if not known.alive else "the task can never run there"
    return "no such node"
