"""Attempts of tasks, and streams."""
