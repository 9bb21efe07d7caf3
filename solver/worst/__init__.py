"""Worst instances: the supremum with proof for abstract policies, a witness by search for any policy."""

from rayproof.solver.worst.burst import (
    Burst,
    BurstTask,
    Number,
    Policy,
    View,
    loads_of,
    makespan,
    optimal_placement,
    placed,
    ratio,
)
from rayproof.solver.worst.listing import Graph, least_makespan, list_ratio, list_starts, worst_list
from rayproof.solver.worst.policies import ABSTRACT, AbstractPolicy, alpha_beta
from rayproof.solver.worst.result import Method, Worst
from rayproof.solver.worst.search import worst_by_search
from rayproof.solver.worst.symbolic import worst_case

__all__ = [
    "ABSTRACT",
    "AbstractPolicy",
    "Burst",
    "BurstTask",
    "Graph",
    "Method",
    "Number",
    "Policy",
    "View",
    "Worst",
    "alpha_beta",
    "least_makespan",
    "list_ratio",
    "list_starts",
    "loads_of",
    "makespan",
    "optimal_placement",
    "placed",
    "ratio",
    "worst_by_search",
    "worst_case",
    "worst_list",
]
