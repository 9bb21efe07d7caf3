"""Broken on purpose: no task is ever placed."""


class AlwaysWaits:
    """Breaks the statement eventual_scheduling."""

    name = "bad_always_waits"
    locality = False

    def place(self, task, view, memory, ctx):
        return None
