"""Moves of actors that make room, fewest first, in an order that works."""

from rayproof.solver.migration.checker import Move, Plan, plan_faults, require_plan
from rayproof.solver.migration.plan import Migration, fewest_moves

__all__ = ["Migration", "Move", "Plan", "fewest_moves", "plan_faults", "require_plan"]
