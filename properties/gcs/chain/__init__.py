"""Chain replication."""
