"""The two-level, bottom-up scheduler: a local scheduler per node, a global one above, and the hooks of a proposal."""
