"""Schedules: their form, the checker, and the heuristics that find good ones."""

from rayproof.solver.schedules.checker import ScheduleError, faults, require_valid
from rayproof.solver.schedules.form import Schedule, Slot
from rayproof.solver.schedules.heuristics import heft, upper_bound

__all__ = ["Schedule", "ScheduleError", "Slot", "faults", "heft", "require_valid", "upper_bound"]
