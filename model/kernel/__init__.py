"""The kernel: processes, links, faults, statements, and the drivers that share one step relation.

This is the one module that an author of a protocol imports, and all that models and statements import of the kernel;
docs/kernel-names.md says what each name is. The rooms below it are how it is made. The drivers, and what shows the runs
that they find, are loaded when their names are asked for: numpy and the search engines take half a second.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rayproof.model.kernel.judging.verdicts import (
    EXIT_CODES,
    INTERRUPTED_NOTE,
    SEARCH_ENDED,
    WALKS_ENDED,
    Result,
    StatementResult,
    Verdict,
    Violation,
    combine,
)
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
    DECIDED,
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
from rayproof.model.kernel.language.steps import Deliver, Fault, Fire, Heal, Recover, Step, Taken, Tick
from rayproof.model.kernel.language.timing import Timing
from rayproof.model.kernel.language.values import Symbol

if TYPE_CHECKING:
    from rayproof.model.kernel.counterexample.charts import sequence_chart, to_the_goal
    from rayproof.model.kernel.counterexample.minimise import attempt, minimise
    from rayproof.model.kernel.counterexample.replay import Replayed, replay
    from rayproof.model.kernel.counterexample.trace import Trace, TraceError, listed, render
    from rayproof.model.kernel.judging.judge import Judge
    from rayproof.model.kernel.liveness.bounds import longest_wait, most_often
    from rayproof.model.kernel.liveness.claims import LIVENESS
    from rayproof.model.kernel.liveness.stategraph import StateGraph
    from rayproof.model.kernel.reductions.gate import explore_reduced
    from rayproof.model.kernel.reductions.invisible import Invisible
    from rayproof.model.kernel.reductions.reduction import Reduction
    from rayproof.model.kernel.reductions.symmetry import Symmetry, interchangeable
    from rayproof.model.kernel.relation.world import World
    from rayproof.model.kernel.search.engines import Engine, explore
    from rayproof.model.kernel.search.explore import Explorer, Limits, Progress, Report
    from rayproof.model.kernel.search.simulate import Happening, Simulation, SimulationResult
    from rayproof.model.kernel.search.walk import (
        FAULT_SPACING,
        SCHEDULE_BYTES,
        as_violation,
        campaign,
        walk,
        walkable,
    )

__all__ = [
    "DECIDED",
    "EXIT_CODES",
    "FAULT_SPACING",
    "INTERRUPTED_NOTE",
    "LIVENESS",
    "SCHEDULE_BYTES",
    "SEARCH_ENDED",
    "WALKS_ENDED",
    "Context",
    "Deliver",
    "Down",
    "Engine",
    "Explorer",
    "Fault",
    "FaultKind",
    "Fire",
    "Happening",
    "Heal",
    "Invisible",
    "Judge",
    "Limits",
    "LinkKind",
    "LinkRule",
    "Message",
    "ModelError",
    "Monitor",
    "Name",
    "PolicyError",
    "Process",
    "Progress",
    "Recover",
    "Reduction",
    "Replayed",
    "Report",
    "Result",
    "Scenario",
    "Simulation",
    "SimulationResult",
    "Slot",
    "StateGraph",
    "StateView",
    "Statement",
    "StatementKind",
    "StatementResult",
    "Step",
    "Symbol",
    "Symmetry",
    "Taken",
    "Tick",
    "TimerKind",
    "Timing",
    "Trace",
    "TraceError",
    "TraceMismatch",
    "Unhandled",
    "Unreachable",
    "Verdict",
    "Violation",
    "World",
    "always",
    "as_violation",
    "attempt",
    "audit",
    "campaign",
    "combine",
    "constant",
    "derived",
    "durable",
    "eventually",
    "explore",
    "explore_reduced",
    "interchangeable",
    "leads_to",
    "listed",
    "longest_wait",
    "minimise",
    "most_often",
    "progress",
    "refines",
    "render",
    "replay",
    "sequence_chart",
    "slot_of",
    "sometimes",
    "step",
    "to_the_goal",
    "walk",
    "walkable",
]

_LOADED_WHEN_ASKED_FOR = {
    "counterexample.charts": "sequence_chart to_the_goal",
    "counterexample.minimise": "attempt minimise",
    "counterexample.replay": "Replayed replay",
    "counterexample.trace": "Trace TraceError listed render",
    "judging.judge": "Judge",
    "liveness.bounds": "longest_wait most_often",
    "liveness.claims": "LIVENESS",
    "liveness.stategraph": "StateGraph",
    "reductions.gate": "explore_reduced",
    "reductions.invisible": "Invisible",
    "reductions.reduction": "Reduction",
    "reductions.symmetry": "Symmetry interchangeable",
    "relation.world": "World",
    "search.engines": "Engine explore",
    "search.explore": "Explorer Limits Progress Report",
    "search.simulate": "Happening Simulation SimulationResult",
    "search.walk": "FAULT_SPACING SCHEDULE_BYTES as_violation campaign walk walkable",
}
"""Module below this one -> its names that are exported here."""
_MODULE = {name: module for module, names in _LOADED_WHEN_ASKED_FOR.items() for name in names.split()}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _MODULE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(f"{__name__}.{_MODULE[name]}"), name)
        return found
