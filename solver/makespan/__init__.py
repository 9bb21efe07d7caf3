"""The shortest schedule on heterogeneous nodes with transfers and several tasks a node."""

from rayproof.solver.makespan.solve import Makespan, Status, shortest_schedule

__all__ = ["Makespan", "Status", "shortest_schedule"]
