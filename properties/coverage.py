"""What the tiny scopes never exercise, and why that is right: the only holes in their coverage.

An item is a line of `rayproof.model.kernel.coverage`; with a scenario's name before it, it is expected in that scenario
alone.
"""

from __future__ import annotations

from collections.abc import Mapping

EXPECTED_IDLE: Mapping[str, str] = {
    "sched-booting: fault early_timeout": "the budget is for policies that back off; the scope's own waits",
    "LeaseManager receives CountCpus": "idle worker processes are killed in timed runs alone",
    "WorkerPool receives FreeCpus": "likewise",
}
"""Item -> reason."""
