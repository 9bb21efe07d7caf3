"""Actors of today's Ray: their table in the control plane, and the calls of each core worker."""
