"""The paper's architecture refines the contract: its events as facts.

A body is where its node is; a copy is where it was sealed or has arrived, and gone when the store hears of that node's
death. Values are the numbers that bodies compute of what they read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from rayproof.model.gcs.paper.events import HeardOfDeath
from rayproof.model.graph import ObjectId, Program, TaskId
from rayproof.model.graph.contract import (
    Began,
    CopiesLost,
    Ended,
    Fact,
    GivenUp,
    Made,
    PlaceDied,
    Standing,
    TaskSubmitted,
)
from rayproof.model.graph.program import DRIVER
from rayproof.model.kernel import Name, Statement, StateView, always
from rayproof.model.scheduler.paper import events


@dataclass(frozen=True, slots=True)
class PaperContract:
    """Monitor: the contract, fed with what the paper's processes observe."""

    program: ClassVar[Program]
    standing: Standing = Standing()
    where: tuple[tuple[TaskId, Name], ...] = ()
    """Tasks -> the node of their latest start."""
    copies: frozenset[tuple[ObjectId, Name]] = frozenset()
    dead: frozenset[Name] = frozenset()

    def observe(self, event: Any) -> Self:
        """One event is none, one or several facts."""
        now = self
        for fact in self.facts(event):
            now = replace(now, standing=now.standing.after(self.program, fact))
        return now.located(event)

    def facts(self, event: Any) -> list[Fact]:
        """What an event says to the contract."""
        match event:
            case events.Submitted(task):
                return [TaskSubmitted(task, self.program.parent(task))]
            case events.Started(task, node):
                return [Began(task, f"{node}/{task}")]
            case events.Sealed(made, value):
                maker = self.program.producer(made)
                return [Made(made, value, "raylet0/driver" if maker == DRIVER else self.place(maker))]
            case events.BodyEnded(task):
                return [Ended(task, self.place(task))]
            case events.Rejected(task):
                return [GivenUp(task)]
            case HeardOfDeath(_, node) if node not in self.dead:
                left = {made for made, where in self.copies if where != node}
                gone = sorted({made for made, where in self.copies if where == node} - left)
                return [PlaceDied(node), *map(CopiesLost, gone)]
            case _:
                return []

    def place(self, task: TaskId) -> str:
        """Where a task ran last."""
        return f"{dict(self.where).get(task, '')}/{task}"

    def located(self, event: Any) -> Self:
        """What it says of where things are."""
        match event:
            case events.Started(task, node):
                return replace(self, where=tuple(sorted({**dict(self.where), task: node}.items())))
            case events.Sealed(made):
                node = dict(self.where).get(self.program.producer(made), "raylet0")
                return replace(self, copies=self.copies | {(made, node)})
            case events.Moved(made, node):
                return replace(self, copies=self.copies | {(made, node)})
            case HeardOfDeath(_, node):
                left = frozenset(each for each in self.copies if each[1] != node)
                return replace(self, copies=left, dead=self.dead | {node})
            case _:
                return self


def keeps_the_contract(program: Program) -> Statement:
    """The statement that a cluster of the paper does nothing that the contract of its program does not allow."""
    monitor = type("PaperContractOfProgram", (PaperContract,), {"__slots__": (), "program": program})

    def the_paper_refines_the_task_graph(view: StateView) -> str | None:
        """Every step of the paper's cluster is one of the dynamic task graph, or none."""
        return view.monitor(monitor).standing.refusal or None

    return always(source="OSDI 2018, section 3.2 (graph.contract)", monitors=(monitor,))(
        the_paper_refines_the_task_graph
    )
