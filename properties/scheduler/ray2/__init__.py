"""Scheduling of Ray 2."""
