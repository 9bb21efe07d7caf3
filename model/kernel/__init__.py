"""The kernel: processes, links, faults, statements, and the drivers that share one step relation."""

from model.kernel.context import Context
from model.kernel.errors import ModelError, PolicyError, TraceMismatch, Unhandled
from model.kernel.faults import FaultKind
from model.kernel.links import LinkKind, LinkRule
from model.kernel.process import (
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
from model.kernel.scenario import Scenario
from model.kernel.statements import (
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
from model.kernel.timing import Timing
from model.kernel.verdicts import EXIT_CODES, Result, StatementResult, Verdict, Violation, combine

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
