"""Measurements of the solver, beside OR-Tools CP-SAT with one worker in the same run."""
