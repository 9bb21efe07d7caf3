"""Planted bugs around label selectors on today's Ray."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rayproof.model.kernel import Name
from rayproof.model.scheduler.ray import Decision
from rayproof.model.scheduler.ray2.lease_manager import LeaseManager
from rayproof.model.wire.ray2.leases import LeaseSpec
from rayproof.properties.bug import Bug


@dataclass(slots=True, kw_only=True)
class FallsBackAnywhere(LeaseManager):
    """What no selector finds a node for goes to any node."""

    def decide(self, me: Name, spec: LeaseSpec, *, prefer_local: bool | None = None) -> Decision:
        return LeaseManager.decide(self, me, replace(spec, selectors=(*spec.selectors, ())), prefer_local=prefer_local)


@dataclass(slots=True, kw_only=True)
class TriesTheLastFirst(LeaseManager):
    """Selectors are tried in the reverse order."""

    def decide(self, me: Name, spec: LeaseSpec, *, prefer_local: bool | None = None) -> Decision:
        return LeaseManager.decide(self, me, replace(spec, selectors=spec.selectors[::-1]), prefer_local=prefer_local)


LABEL_BUGS = (
    Bug(
        "falls_back_anywhere",
        "A task whose selector and fallbacks find no room goes to any node.",
        {LeaseManager: FallsBackAnywhere},
        "labels_are_respected",
        "today-labels",
    ),
    Bug(
        "tries_the_last_first",
        "A fallback is taken although the selector itself finds a node.",
        {LeaseManager: TriesTheLastFirst},
        "an_earlier_selector_goes_first",
        "today-labels",
    ),
)
"""The planted bugs of labels."""
