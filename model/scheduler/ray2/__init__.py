"""Scheduling of today's Ray: owners lease workers, raylets decide with their own stale views."""
