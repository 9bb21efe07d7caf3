"""Worst instances: the supremum with proof for abstract policies, a witness by search for any policy."""

from solver.worst.burst import (
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
from solver.worst.listing import Graph, least_makespan, list_ratio, list_starts, worst_list
from solver.worst.policies import ABSTRACT, AbstractPolicy, alpha_beta
from solver.worst.result import Method, Worst
from solver.worst.search import worst_by_search
from solver.worst.symbolic import worst_case

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
