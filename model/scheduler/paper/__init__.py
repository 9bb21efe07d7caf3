"""The two-level scheduler of the paper: a local scheduler per node, one or several global ones, and the workers."""
