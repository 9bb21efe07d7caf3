"""Statements evaluated, what they saw, and what is said of a run: verdicts, coverage."""
