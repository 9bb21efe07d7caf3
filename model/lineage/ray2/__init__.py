"""Lineage of Ray 2: kept by owners, who retry tasks and make lost objects again."""
