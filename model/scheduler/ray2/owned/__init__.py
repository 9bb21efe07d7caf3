"""Whole clusters of today's Ray: owners, leases, stores, placement groups and actors on the same nodes."""
