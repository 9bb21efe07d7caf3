"""`pytest properties/` as a product: its options, its summary, and what becomes of the counterexamples it finds."""
