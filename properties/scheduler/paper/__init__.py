"""The two-level scheduler of the paper."""
