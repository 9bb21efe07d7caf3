"""The vectorised engine: the same step relation, many states at a time."""
