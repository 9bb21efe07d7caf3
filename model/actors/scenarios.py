"""Scopes of actors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from model.actors.calls import Actor, Caller, CallSpec, Registry
from model.kernel import FaultKind, LinkRule, Process, Scenario, Slot
from model.kernel.statements import Statement

Swap = Mapping[type[Process], type[Process]]


def calls(
    name: str,
    callers: Mapping[Slot, tuple[CallSpec, ...]],
    statements: tuple[Statement, ...] = (),
    *,
    max_restarts: int = 0,
    max_task_retries: int = 0,
    concurrency: int = 1,
    loses_contact: bool = False,
    faults: Mapping[FaultKind, int] | None = None,
    replace: Swap | None = None,
) -> Scenario:
    """Some callers and one actor that may be restarted elsewhere."""

    def kind(usual: type[Process]) -> Callable[..., Process]:
        return (replace or {}).get(usual, usual)

    processes: dict[Slot, Callable[[], Process]] = {
        "actor": partial(kind(Actor), "registry", concurrency),
        "registry": partial(kind(Registry), tuple(callers), max_restarts),
    }
    for caller, made in callers.items():
        processes[caller] = partial(kind(Caller), made, max_task_retries, loses_contact)
    crashes = (faults or {}).get(FaultKind.CRASH, 0)
    return Scenario(
        name,
        "actors",
        processes,
        statements,
        links=(LinkRule("actor", "registry"), LinkRule("actor", reply=True)),
        crashable=("actor",) if crashes else (),
        recoverable=frozenset({"actor"}),
        watchers={"actor": ("registry",)},
        faults=dict(faults or {}),
        max_incarnations=max_restarts + 1,
        constants={
            "callers": len(callers),
            "calls": sum(len(made) for made in callers.values()),
            "max_restarts": max_restarts,
            "max_task_retries": max_task_retries,
        },
    )
