"""The step relation, in two forms: on packed states whose steps are remembered, and on a world changed in place."""
