"""Which class stands in for which: how a planted bug gets into a scenario from outside."""

from __future__ import annotations

from collections.abc import Mapping

from rayproof.model.kernel import Process

Swap = Mapping[type[Process], type[Process]]
