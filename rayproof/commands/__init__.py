"""Commands of `rayproof`, one module each, with a function `register(app)`."""
