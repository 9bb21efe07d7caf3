"""Real Ray on both ends: what a program did there, and what a policy of ours does to it."""
