"""The control store of the paper: shards, typed tables, flushing."""
