"""Scheduling as Ray 2 does it: owners lease workers, and every raylet decides with its own stale view."""
