"""The drivers that find runs: every one (explore), some (walk), one on a virtual clock (simulate)."""
