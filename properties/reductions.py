"""The reductions that can be asked for by name, and the small scope on which a scenario's are judged.

A scenario is judged on a tiny scope of its own family, built with the same planted bug and policy; a tiny one on
itself. A larger one without a relative has no gate, and takes no reduction.
"""

from __future__ import annotations

from collections.abc import Mapping

from rayproof.model.kernel import Invisible, Reduction, Symmetry
from rayproof.properties.catalogue import CATALOGUE
from rayproof.properties.entry import Entry, Scope

REDUCTIONS: Mapping[str, Reduction] = {
    "invisible": Invisible("invisible steps"),
    "symmetry": Symmetry("symmetry"),
}
"""In the order in which `auto` tries them, until one passes."""

GATES: Mapping[str, str] = {
    "chain-3-3-1": "chain-3-2-1",
    "chain-3-3-2": "chain-3-2-1",
    "chain-extension-crash": "chain-extension",
    "chain-restart-busy": "chain-restart",
    "chain-suspicion-of-three": "chain-suspicion",
    "pubsub-2-1": "pubsub-1-1",
    "long-poll-2-1": "long-poll-1-1",
    "gcs-restart-2-1-1": "gcs-restart-1-1-1",
    "gcs-sync-2-2-1": "gcs-sync-2-1-1",
    "cluster-3-3-1-messages": "cluster-3-3-1",
    "cluster-3-3-2": "cluster-3-3-1",
    "cluster-3-4-1": "cluster-3-3-1",
    "cluster-chain-lost": "cluster-chain",
    "store-lost-for-two": "store-maker-dies",
    "transfer-reader-dies": "transfer-source-dies",
    "actor-retried-later": "actor-called-later",
    "lineage-three": "lineage-chain",
}
"""Scenario -> the tiny one of its family."""


def gate_of(entry: Entry) -> Entry | None:
    """The scope on which the reductions of a scenario are judged; None when there is none."""
    if entry.name in GATES:
        return CATALOGUE[GATES[entry.name]]
    return entry if entry.scope is Scope.TINY else None
