"""What the command line offers, a module per family of commands."""
