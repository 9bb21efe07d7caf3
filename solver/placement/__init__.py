"""Optimal placement of actors and placement groups."""

from rayproof.solver.placement.checker import PlacementError, Seat, placement_faults, require_placed
from rayproof.solver.placement.greedy import best_fit_decreasing, fewest_nodes_bound, l2
from rayproof.solver.placement.positions import Position, Positions, positions
from rayproof.solver.placement.solve import Aim, Outcome, Placement, best_placement, seats_of

__all__ = [
    "Aim",
    "Outcome",
    "Placement",
    "PlacementError",
    "Position",
    "Positions",
    "Seat",
    "best_fit_decreasing",
    "best_placement",
    "fewest_nodes_bound",
    "l2",
    "placement_faults",
    "positions",
    "require_placed",
    "seats_of",
]
