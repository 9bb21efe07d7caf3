"""The messages of today's Ray: leases, workers, objects, actors."""
