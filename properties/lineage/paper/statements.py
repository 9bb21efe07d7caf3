"""What must hold of recovery through the control store."""

from __future__ import annotations

from rayproof.model.kernel import StateView, always, audit, sometimes
from rayproof.model.lineage.paper.control import LineageStore, PaperNode


@always(PaperNode, source="Ray #3217; bug benchmark S3''")
def one_running_attempt_without_declared_failure(view: StateView) -> bool:
    """No task runs, or waits for its arguments, on two live nodes."""
    under_way = [task for node in view.of(PaperNode).values() for task in sorted(node.waiting)]
    return len(under_way) == len(set(under_way))


@always(LineageStore, each=True, source="OSDI 2018 §5.1; Ray #3529: lineage of what is in scope is kept")
def lineage_of_the_referenced_is_kept(store: LineageStore) -> bool:
    """The task table has whatever a referenced object may have to be made of again."""
    submitted = store.program[: store.submitted]
    needed = {task for task, _ in submitted if task in store.referenced}
    for task, arguments in reversed(submitted):
        needed |= set(arguments) if task in needed else set()
    return needed <= store.table.keys()


@audit(PaperNode, source="OSDI 2018 §4.2.3; bug benchmark L2")
def every_get_ends_in_value_or_error(view: StateView) -> bool:
    """Whatever a live node reads is here, or has ended in an error."""
    return all(
        there in node.store or there in node.errors for node in view.of(PaperNode).values() for there in node.reads
    )


@sometimes(LineageStore, source="OSDI 2018 §4.2.3")
def a_node_waits(view: StateView) -> bool:
    """Some node is subscribed to an object that is not there yet."""
    return any(any(names) for store in view.of(LineageStore).values() for names in store.asked.values())


CONTROL = (
    one_running_attempt_without_declared_failure,
    lineage_of_the_referenced_is_kept,
    every_get_ends_in_value_or_error,
    a_node_waits,
)
"""Everything that is checked of recovery through the store."""
