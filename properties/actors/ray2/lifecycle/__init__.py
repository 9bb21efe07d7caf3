"""Creation and end of actors in Ray 2."""
