"""What a planted bug is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rayproof.model.kernel import Process


@dataclass(frozen=True)
class Bug:
    """A fault of the design, put into the model from outside."""

    name: str
    sentence: str
    replaces: Mapping[type[Process], type[Process]]
    statement: str
    """The statement that must fail."""
    scenario: str
    """The smallest named scenario in which it does."""
    source: str = ""
    """Where the fault was made for real, or the duty that it neglects."""
    also: tuple[str, ...] = ()
    """Other statements of that scenario that notice it, each by itself."""
    spins: bool = False
    """Whether it never stops: every audit passes, because no run with it comes to the point where one is held."""
