"""Certified lower bounds on the makespan."""

from rayproof.solver.bounds.best import ENERGETIC_TASKS, bounds, critical_path, lower_bound
from rayproof.solver.bounds.bound import Bound, BoundKind

__all__ = ["ENERGETIC_TASKS", "Bound", "BoundKind", "bounds", "critical_path", "lower_bound"]
