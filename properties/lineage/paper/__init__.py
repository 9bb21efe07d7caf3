"""Recovery through the control store."""
