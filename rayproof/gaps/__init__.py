"""Solver and model together: instances run in the model under a policy, and optimal schedules replayed there."""
