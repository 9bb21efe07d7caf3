"""Built-in placement policies, one module each."""

from model.scheduler.hooks import Policy
from model.scheduler.policies.default import Default
from model.scheduler.policies.locality_first import LocalityFirst
from model.scheduler.policies.lowest_estimated_wait import LowestEstimatedWait
from model.scheduler.policies.spread import Spread

BUILT_IN: dict[str, Policy] = {
    "default": Default(),
    "spread": Spread(),
    "lowest_estimated_wait": LowestEstimatedWait(),
    "locality_first": LocalityFirst(),
}
"""Policies by the name that the command line knows them by."""

__all__ = ["BUILT_IN", "Default", "LocalityFirst", "LowestEstimatedWait", "Spread"]
