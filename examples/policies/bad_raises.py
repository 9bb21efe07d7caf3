"""Broken on purpose: fails when a cluster has more nodes with room than one."""


class Raises:
    """Breaks the rule no_exception."""

    name = "bad_raises"
    locality = False

    def place(self, task, view, memory, ctx):
        (only,) = [node for node in view.options if node.fits_now(task.demand)]
        return only.name
