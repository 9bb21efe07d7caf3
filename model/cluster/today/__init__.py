"""Whole clusters of today's Ray, for explored scopes, walks and timed runs alike."""
