"""The kernel: processes, links, faults, statements, and the drivers that share one step relation."""

from rayproof.model.kernel.judging.verdicts import EXIT_CODES, Result, StatementResult, Verdict, Violation, combine
from rayproof.model.kernel.language.context import Context
from rayproof.model.kernel.language.errors import ModelError, PolicyError, TraceMismatch, Unhandled
from rayproof.model.kernel.language.faults import FaultKind
from rayproof.model.kernel.language.links import LinkKind, LinkRule
from rayproof.model.kernel.language.process import (
    Down,
    Message,
    Name,
    Process,
    Slot,
    TimerKind,
    Unreachable,
    constant,
    derived,
    durable,
    slot_of,
)
from rayproof.model.kernel.language.scenario import Scenario
from rayproof.model.kernel.language.statements import (
    Monitor,
    Statement,
    StatementKind,
    StateView,
    always,
    audit,
    eventually,
    leads_to,
    progress,
    refines,
    sometimes,
    step,
)
from rayproof.model.kernel.language.timing import Timing

__all__ = [
    "EXIT_CODES",
    "Context",
    "Down",
    "FaultKind",
    "LinkKind",
    "LinkRule",
    "Message",
    "ModelError",
    "Monitor",
    "Name",
    "PolicyError",
    "Process",
    "Result",
    "Scenario",
    "Slot",
    "StateView",
    "Statement",
    "StatementKind",
    "StatementResult",
    "TimerKind",
    "Timing",
    "TraceMismatch",
    "Unhandled",
    "Unreachable",
    "Verdict",
    "Violation",
    "always",
    "audit",
    "combine",
    "constant",
    "derived",
    "durable",
    "eventually",
    "leads_to",
    "progress",
    "refines",
    "slot_of",
    "sometimes",
    "step",
]
