"""A run of the model, carried out on real Ray: what it runs, how it is steered, and what of it can be seen."""
