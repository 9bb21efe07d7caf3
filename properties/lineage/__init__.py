"""Lineage and recovery."""
