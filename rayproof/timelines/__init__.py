"""`ray timeline` files as wide workloads of the model."""

from rayproof.timelines.reader import read_timeline

__all__ = ["read_timeline"]
