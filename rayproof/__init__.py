"""Check a Ray scheduling proposal against a formal model before a line of C++ is written.

What is meant to be imported by others:

    from rayproof import always, explore, scenario

- a named scenario of the catalogue: `scenario(name, policy=None)`
- what a protocol of your own is made of: `Process`, `Message`, `Context`, `Scenario`, `LinkRule`, `FaultKind`, ...; and
  its statements: `always`, `step`, `audit`, `sometimes`, `eventually`, `leads_to`, `progress`, `refines`; a `Bug`
- drivers: `explore` (every schedule), `walk` (random ones), `replay` (one, step by step), `Limits`, and `explain`
- a policy: `Policy`, `TaskView`, `NodeView`, `ClusterView`, `WAIT`, `load_policy`

Everything else may change from one version to the next. Names are looked up when they are asked for: the search engines
take half a second to import, and a command that does not search need not wait for them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rayproof.counterexamples import explain
    from rayproof.model.kernel import (
        Context,
        Down,
        FaultKind,
        Limits,
        LinkKind,
        LinkRule,
        Message,
        ModelError,
        PolicyError,
        Process,
        Result,
        Scenario,
        Statement,
        StateView,
        TimerKind,
        Unhandled,
        Unreachable,
        Verdict,
        Violation,
        always,
        audit,
        constant,
        derived,
        durable,
        eventually,
        explore,
        leads_to,
        progress,
        refines,
        replay,
        sometimes,
        step,
    )
    from rayproof.model.kernel import campaign as walk
    from rayproof.model.scheduler.policy.hooks import WAIT, ClusterView, NodeView, Policy, TaskView
    from rayproof.policies import load_policy
    from rayproof.properties.bug import Bug
    from rayproof.properties.catalogue import build as scenario

__version__ = "0.1.0"

__all__ = [
    "WAIT",
    "Bug",
    "ClusterView",
    "Context",
    "Down",
    "FaultKind",
    "Limits",
    "LinkKind",
    "LinkRule",
    "Message",
    "ModelError",
    "NodeView",
    "Policy",
    "PolicyError",
    "Process",
    "Result",
    "Scenario",
    "StateView",
    "Statement",
    "TaskView",
    "TimerKind",
    "Unhandled",
    "Unreachable",
    "Verdict",
    "Violation",
    "always",
    "audit",
    "constant",
    "derived",
    "durable",
    "eventually",
    "explain",
    "explore",
    "leads_to",
    "load_policy",
    "progress",
    "refines",
    "replay",
    "scenario",
    "sometimes",
    "step",
    "walk",
]

_POLICY = "rayproof.model.scheduler.policy.hooks"
_ELSEWHERE = {
    "Bug": ("rayproof.properties.bug", "Bug"),
    "explain": ("rayproof.counterexamples", "explain"),
    "walk": ("rayproof.model.kernel", "campaign"),
    "scenario": ("rayproof.properties.catalogue", "build"),
    "load_policy": ("rayproof.policies", "load_policy"),
    **{name: (_POLICY, name) for name in ("WAIT", "ClusterView", "NodeView", "Policy", "TaskView")},
}
"""Name -> module and its name there; the others are of `rayproof.model.kernel`."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, known_as = _ELSEWHERE.get(name, ("rayproof.model.kernel", name))
    return getattr(import_module(module), known_as)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
