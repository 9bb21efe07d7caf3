"""Which edition a scenario belongs to: that of the sources that its processes name first."""

from __future__ import annotations

import sys
from enum import StrEnum

from rayproof.model.kernel import Process, Scenario


class Edition(StrEnum):
    """The architecture of the paper, today's Ray, or what is the same in both or in neither."""

    PAPER = "paper"
    RAY2 = "ray2"
    BOTH = "both"


PAPERS = ("OSDI 2018", "van Renesse")
"""How sources of the paper's architecture begin."""

TODAY = ("Ray 2.",)
"""How sources of today's Ray begin."""


def edition_of_module(docstring: str) -> Edition:
    """By the paragraph `Source: ...` of a module's docstring."""
    source = docstring.partition("Source: ")[2]
    if source.startswith(PAPERS):
        return Edition.PAPER
    return Edition.RAY2 if source.startswith(TODAY) else Edition.BOTH


def edition_of(scenario: Scenario) -> Edition:
    """By the modules of its processes; `both` when they are not of one edition."""
    kinds: set[type[Process]] = {type(process) for process in scenario.initial().values()}
    found = {edition_of_module(sys.modules[kind.__module__].__doc__ or "") for kind in kinds}
    return found.pop() if len(found) == 1 else Edition.BOTH
