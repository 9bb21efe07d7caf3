"""Scheduling as Ray 2 does it: leases, and placement groups."""
