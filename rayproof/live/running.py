"""A script under a policy: what the processes need to know for it, and what came of its decisions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rayproof.errors import InputError
from rayproof.live.session import Ran
from rayproof.model.graph import NodeAffinity
from rayproof.model.scheduler.policy.built_in.completed import Completed
from rayproof.policies import LoadedPolicy
from rayproof.recordings import Recording
from rayproof.supervised.loading import HOOKS

RAYS_OWN = "default"
"""The built-in policy that is Ray's: nothing is decided here, and Ray places the tasks."""


@dataclass(frozen=True)
class Forcing:
    """How decisions reach Ray."""

    policy: LoadedPolicy
    hard: bool = False
    """Hard affinity: a task whose node dies fails. Soft: it goes elsewhere then."""
    wait_s: float = 10
    """After so long a task that the policy lets wait is left to Ray."""
    seed: int = 0

    def variables(self) -> dict[str, str]:
        """The environment of a script that runs under the policy."""
        if self.policy.spec == RAYS_OWN:
            return {}
        path = Path(self.policy.spec)
        return {
            "RAYPROOF_POLICY": str(path.resolve()) if path.suffix == ".py" else self.policy.spec,
            "RAYPROOF_AFFINITY": "hard" if self.hard else "soft",
            "RAYPROOF_WAIT_S": f"{self.wait_s:g}",
            "RAYPROOF_SEED": str(self.seed),
        }

    def unforced(self) -> list[str]:
        """Hooks of the policy that Python cannot force on Ray. Raises `InputError` when there is no other."""
        own = self.policy.policy
        if isinstance(own, Completed):
            raise InputError(
                self.policy.spec,
                None,
                f"{self.policy.name} has no place hook; its other hooks decide inside Ray's own processes",
                "a policy with place(task, view, memory, ctx)",
            )
        return [hook for hook in HOOKS if hook != "place" and hasattr(own, hook)]


@dataclass(frozen=True)
class Decided:
    """What came of the decisions of one run; sums over its sessions."""

    chosen: dict[str, int]
    """Tasks sent to each node, by the recording's names."""
    waits: int
    left_alone: int
    """Submissions that had a strategy, a label selector or a group of their own."""
    given_up: int
    """Tasks that the policy let wait too long; Ray placed them."""
    error: tuple[str, str] | None
    """Rule and sentence of the policy's breach; from there on Ray decided."""
    p50_us: int | None
    """Median time of one answer."""
    elsewhere: int
    """Bodies that ran on another node than the chosen one."""


def decided(ran: Ran, recording: Recording) -> Decided | None:
    """None when nothing was decided: Ray's own policy, or a script that died."""
    events = [event for _, event in ran.raw.of("decided")]
    if not events:
        return None
    names = {line["hex"]: line["id"] for line in ran.lines() if line["k"] == "node"}
    chosen: Counter[str] = Counter()
    for event in events:
        for node, count in event["chosen"].items():
            chosen[names.get(node, node)] += count
    nodes: dict[str, str] = {}
    for attempt in recording.outcome.attempts:
        if attempt.node is not None:
            nodes.setdefault(attempt.task, attempt.node)
    elsewhere = 0
    for task in recording.program.tasks.values():
        first = nodes.get(task.id)
        if first is not None and isinstance(task.strategy, NodeAffinity) and task.strategy.node != first:
            elsewhere += 1
    error = next((tuple(event["error"]) for event in events if event["error"]), None)
    return Decided(
        {name: chosen[name] for name in sorted(chosen)},
        sum(event["waits"] for event in events),
        sum(event["left_alone"] for event in events),
        sum(event["given_up"] for event in events),
        None if error is None else (error[0], error[1]),
        next((event["p50_us"] for event in events if event["p50_us"] is not None), None),
        elsewhere,
    )
