"""References and the freeing of objects."""
