"""Inputs of any kind, right and wrong, put to the whole program."""
