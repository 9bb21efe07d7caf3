"""The control plane of today's Ray as one atomic part: what a cluster needs of it, and nothing that can fail."""
