"""Calls of actors in Ray 2."""
