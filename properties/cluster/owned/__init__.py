"""Clusters of owners, leases, stores and actors of Ray 2."""
