"""A run that was found: replayed, minimised, written, printed, drawn."""
