"""Lease requests that wait."""
