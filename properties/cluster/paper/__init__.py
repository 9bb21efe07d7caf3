"""Clusters of the paper."""
