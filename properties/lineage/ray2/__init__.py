"""Recovery by owners."""
