"""What monitors see of the control store's news in the paper's cluster; the model never reads it back."""

from __future__ import annotations

from dataclasses import dataclass

from rayproof.model.kernel import Name


@dataclass(frozen=True, slots=True)
class HeardOfDeath:
    """A process was told that a node is dead."""

    by: Name
    node: Name
