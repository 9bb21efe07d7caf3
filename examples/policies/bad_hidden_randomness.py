"""Broken on purpose: draws from the random module instead of ctx.choose."""

import random


class HiddenRandomness:
    """Breaks the rule deterministic."""

    name = "bad_hidden_randomness"
    locality = False

    def place(self, task, view, memory, ctx):
        return random.choice(list(view.options)).name
