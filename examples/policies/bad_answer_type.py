"""Broken on purpose: answers with a node's position instead of its name."""


class AnswerType:
    """Breaks the rule answer_type."""

    name = "bad_answer_type"
    locality = False

    def place(self, task, view, memory, ctx):
        return view.options[0].index
