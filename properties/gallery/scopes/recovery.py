"""Generic scopes of lineage, references and actors."""

from __future__ import annotations

from rayproof.model.actors.ray2.lifecycle import CreateActor, KillActor
from rayproof.model.actors.ray2.protocol import OWN_ARGUMENT, CallSpec
from rayproof.model.actors.ray2.scenarios import calls, lifecycle
from rayproof.model.graph import Submit as SubmitTask
from rayproof.model.kernel import FaultKind, Scenario
from rayproof.model.lineage.paper.scenarios import control
from rayproof.model.lineage.ray2.programs import Action, Drop, PutAt, Task
from rayproof.model.lineage.ray2.programs import GetOne as GetObject
from rayproof.model.lineage.ray2.scenarios import ownership
from rayproof.model.objects.ray2.scenarios import references
from rayproof.model.swap import Swap
from rayproof.properties.actors.ray2.lifecycle.statements import LIFECYCLE
from rayproof.properties.actors.ray2.statements import CALLS, actor_serial_order
from rayproof.properties.gallery.scopes.base import side_by_side
from rayproof.properties.lineage.paper.statements import CONTROL
from rayproof.properties.lineage.ray2.statements import OWNERSHIP
from rayproof.properties.objects.ray2.references.scopes import NESTED
from rayproof.properties.objects.ray2.references.statements import REFERENCES


def lineage_scope(swap: Swap, ample: bool) -> Scenario:
    """An owner with a put, a chain, a task without retries and a borrower; two nodes may crash."""
    tasks = (
        Task("t1", ("p",), "x", max_retries=3),
        Task("t2", ("x",), "y"),
        Task("t3", (), "z", max_retries=0),
        Task("t4", ("z",), "v"),
    )
    program: tuple[Action, ...] = (
        PutAt("p", "node0"),
        *(SubmitTask(each.name) for each in tasks),
        Drop("p"),
        GetObject("y"),
        Drop("y"),
        GetObject("x"),
        GetObject("v"),
    )
    return ownership(
        "generic-lineage", tasks, program, OWNERSHIP, crashes=2, spills=frozenset({"x"}), borrows="v", swap=swap
    )


def references_scope(swap: Swap, ample: bool) -> Scenario:
    """References inside objects, passed on, beside lineage in the store."""
    passed = references(
        "references",
        NESTED,
        {"m": "driver", "r": "w", "y": "p", "s": "w"},
        REFERENCES,
        crashes=("p", "b"),
        swap=swap,
    )
    program = (("x", ()), ("z", ()), ("y", ("x",)))
    kept = control("control", program, ("y",), CONTROL, rows=10 if ample else 2, crashes=1, early=1, swap=swap)
    return side_by_side("generic-references", passed, kept)


def actors_scope(swap: Swap, ample: bool) -> Scenario:
    """Calls of a restartable actor over a bad connection, beside creation and end of others."""
    callers = {
        "caller0": (CallSpec("a0"), CallSpec("a1", needs=(OWN_ARGUMENT,)), CallSpec("a2")),
        "caller1": (CallSpec("b0"), CallSpec("b1")),
    }
    faults = {FaultKind.CRASH: 1, FaultKind.LOSE_REPLY: 1, FaultKind.EARLY_TIMEOUT: 1}
    called = calls(
        "calls",
        callers,
        # Retries overtake, as documented; where contact can be lost they make first attempts late as well.
        tuple(statement for statement in CALLS if statement is not actor_serial_order),
        max_restarts=1,
        max_task_retries=1,
        concurrency=2,
        loses_contact=True,
        faults=faults,
        swap=swap,
    )
    program = (CreateActor("a"), CreateActor("b"), KillActor("a"))
    lives = lifecycle("lives", program, LIFECYCLE, failures=1, max_restarts=2, owner_crashes=True, swap=swap)
    return side_by_side("generic-actors", called, lives)
