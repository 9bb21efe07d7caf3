"""Actors of Ray 2: calls in order, creation and end, restarts, churn."""
