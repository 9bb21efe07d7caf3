"""What must hold of recovery through the control store."""

from __future__ import annotations

from collections import Counter

from rayproof.model.kernel import StateView, always, audit, first, sometimes
from rayproof.model.lineage.paper.control import LineageStore, PaperNode


@always(PaperNode, source="Ray #3217; bug benchmark S3''")
def one_running_attempt_without_declared_failure(view: StateView) -> str | None:
    """No task runs, or waits for its arguments, on two live nodes."""
    under_way = Counter(task for node in view.of(PaperNode).values() for task in sorted(node.waiting))
    return first(f"{task} is under way on {count} nodes" for task, count in under_way.items() if count > 1)


@always(LineageStore, each=True, source="OSDI 2018 §5.1; Ray #3529: lineage of what is in scope is kept")
def lineage_of_the_referenced_is_kept(store: LineageStore) -> str | None:
    """The task table has all tasks that may be needed to make a referenced object again."""
    submitted = store.program[: store.submitted]
    needed = {task for task, _ in submitted if task in store.referenced}
    for task, arguments in reversed(submitted):
        needed |= set(arguments) if task in needed else set()
    return first(f"{task} is needed and not in the table" for task in sorted(needed - store.table.keys()))


@audit(PaperNode, source="OSDI 2018 §4.2.3; bug benchmark L2")
def every_get_ends_in_value_or_error(view: StateView) -> str | None:
    """Whatever a live node reads is here, or has ended in an error."""
    return first(
        f"{name} still waits for {object_id}"
        for name, node in view.of(PaperNode).items()
        for object_id in node.reads
        if object_id not in node.store and object_id not in node.errors
    )


@sometimes(LineageStore, source="OSDI 2018 §4.2.3")
def a_node_waits(view: StateView) -> str | None:
    """Some node is subscribed to an object that is not there yet."""
    return first(
        f"{min(names)} waits for {object_id}"
        for store in view.of(LineageStore).values()
        for object_id, names in store.asked.items()
        if any(names)
    )


CONTROL = (
    one_running_attempt_without_declared_failure,
    lineage_of_the_referenced_is_kept,
    every_get_ends_in_value_or_error,
    a_node_waits,
)
"""Everything that is checked of recovery through the store."""
