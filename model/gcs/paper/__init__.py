"""The control store of the paper: one atomic process, or rows on chains; its tables, its news and its flushing."""
