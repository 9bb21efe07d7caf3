"""Core workers: the driver and every worker alike."""
