"""Broken on purpose: looks at every node it has ever heard of, also at those that are dead."""


class DeadNode:
    """Breaks the rule legal_answer."""

    name = "bad_dead_node"
    locality = False

    def place(self, task, view, memory, ctx):
        # view.nodes keeps the dead; view.options does not.
        return max(view.nodes, key=lambda node: (-node.queue_length, node.index)).name
