"""Text from outside: what is read, where it may be written, what is printed of it."""
