"""What core workers let measurements see beside the facts of the contract; the model never reads it back."""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.graph import TaskId
from rayproof.model.kernel import Name


@dataclass(frozen=True, slots=True)
class TaskPushed:
    """An attempt has come to its worker, which loads what it needs before the body begins."""

    task: TaskId
    node: Name


@dataclass(frozen=True, slots=True)
class BodyWaits:
    """A body, or the driver's, enters a get or a wait."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class BodyGoesOn:
    """A body, or the driver's, leaves its get or wait."""

    task: TaskId
