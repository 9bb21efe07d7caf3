"""The control store."""
