"""Built-in placement policies, one module each."""

from rayproof.model.scheduler.policy.built_in.alpha_beta import AlphaBeta
from rayproof.model.scheduler.policy.built_in.completed import with_defaults
from rayproof.model.scheduler.policy.built_in.default import Default
from rayproof.model.scheduler.policy.built_in.earliest_completion import EarliestCompletion
from rayproof.model.scheduler.policy.built_in.least_load import LeastLoad
from rayproof.model.scheduler.policy.built_in.locality_first import LocalityFirst
from rayproof.model.scheduler.policy.built_in.lowest_estimated_wait import LowestEstimatedWait
from rayproof.model.scheduler.policy.built_in.spread import Spread
from rayproof.model.scheduler.policy.hooks import Policy

BUILT_IN: dict[str, Policy] = {
    "default": Default(),
    "spread": Spread(),
    "lowest_estimated_wait": LowestEstimatedWait(),
    "locality_first": LocalityFirst(),
    "least_load": LeastLoad(),
    "earliest_completion": EarliestCompletion(),
    "alpha_beta": AlphaBeta(),
}
"""Policies by the name that the command line knows them by."""

__all__ = [
    "BUILT_IN",
    "AlphaBeta",
    "Default",
    "EarliestCompletion",
    "LeastLoad",
    "LocalityFirst",
    "LowestEstimatedWait",
    "Spread",
    "with_defaults",
]
