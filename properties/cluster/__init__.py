"""Whole clusters."""
