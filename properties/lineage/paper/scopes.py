"""The named scenarios of recovery through the control store."""

from __future__ import annotations

from typing import Any

from rayproof.model.kernel import Scenario
from rayproof.model.lineage.paper.scenarios import control
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.swap import Swap
from rayproof.properties.entry import Edition, Entry, Scope
from rayproof.properties.lineage.paper.statements import CONTROL


def _control(name: str, program: tuple[tuple[str, tuple[str, ...]], ...], **options: Any) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        return control(name, program, (program[-1][0],), CONTROL, swap=swap, **options)

    return Entry(name, "lineage", Edition.PAPER, Scope.TINY, build)


CONTROL_ENTRIES = (
    _control("control-chain", (("x", ()), ("y", ("x",)))),
    _control("control-flush", (("x", ()), ("z", ()), ("y", ("x",))), rows=2),
    _control("control-slow", (("x", ()), ("y", ("x",))), crashes=0, early=1),
)
"""Scenarios of recovery through the store, as in the paper."""
