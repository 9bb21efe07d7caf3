"""The statements, by what they speak of."""
