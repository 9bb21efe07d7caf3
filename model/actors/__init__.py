"""Actors: calls in order, crashes and restarts, migration, churn."""
