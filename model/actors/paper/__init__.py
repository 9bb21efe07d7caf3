"""Actors of the paper: replayed along the chain of their methods."""
