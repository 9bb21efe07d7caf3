"""Lineage: which tasks must run again so that lost objects exist again."""
