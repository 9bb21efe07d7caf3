"""`ray timeline` files as wide workloads of the model."""

from rayproof.timelines.reader import is_timeline, read_timeline

__all__ = ["is_timeline", "read_timeline"]
