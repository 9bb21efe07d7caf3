"""The named scenarios, one module per part of the model."""
