"""How it is used: command line, readers of recordings and YAML, reports."""

__version__ = "0.1.0"
