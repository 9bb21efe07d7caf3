"""Whole clusters: the processes of all layers put together into scenarios."""
