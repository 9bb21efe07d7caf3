"""Actors of the paper: replay."""
