"""The Global Control Store: the atomic store that clusters run on, and the replicated chain of the paper."""
