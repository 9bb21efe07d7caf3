"""What must hold of references and the freeing of objects."""

from __future__ import annotations

from rayproof.model.kernel import Name, StateView, always, audit, first, sometimes
from rayproof.model.objects.ray2.programs import VALUE, references_inside
from rayproof.model.objects.ray2.references import CoreWorker


@always(CoreWorker, source="Wang et al., NSDI 2021, section 4.2; Ray #19910; bug benchmark S8")
def no_free_while_reachable(view: StateView) -> str | None:
    """While all processes are alive, no object is freed that one of them can still reach."""
    if view.dead:
        return None
    workers = view.of(CoreWorker)
    reachable: dict[str, Name] = {}
    for name, worker in workers.items():
        inside = references_inside(worker.functions)
        held = {*worker.local, *worker.in_calls, *(each for kept in worker.owned for each in inside.get(kept, ()))}
        reachable = {**dict.fromkeys(sorted(held), name), **reachable}
    return first(
        f"{object_id} is freed by {name} and can be reached by {reachable[object_id]}"
        for name, worker in workers.items()
        for object_id in sorted(worker.freed)
        if object_id in reachable
    )


@audit(CoreWorker, source="bug benchmark S2: at quiescence nothing is held")
def unreachable_objects_are_freed(view: StateView) -> str | None:
    """Every value that a live owner keeps is referred to by some live process."""
    workers = view.of(CoreWorker)
    return first(
        f"{object_id} is kept by {name}, and nobody refers to it"
        for name, owner in workers.items()
        for object_id in owner.owned
        if not any(worker.refers(object_id) for worker in workers.values())
    )


@audit(CoreWorker, source="Ray #9049; bug benchmark L2")
def every_read_ends_in_value_or_error(view: StateView) -> str | None:
    """No live process is left waiting for a value."""
    return first(f"{name} still waits for a value" for name, w in view.of(CoreWorker).items() if w.reading or w.running)


@always(CoreWorker, source="Ray 2.60 exceptions.py, ReferenceCountingAssertionError")
def no_error_without_a_death(view: StateView) -> str | None:
    """While all processes live, every read gives a value."""
    if view.dead:
        return None
    return first(
        f"{object_id} gave {name} {outcome}"
        for name, worker in view.of(CoreWorker).items()
        for object_id, outcome in worker.outcomes.items()
        if outcome != VALUE
    )


@sometimes(CoreWorker, source="Wang et al., NSDI 2021, section 4.2")
def a_borrower_is_known(view: StateView) -> str | None:
    """Some owner waits for a borrower to release an object."""
    return first(f"{name} waits for a borrower" for name, worker in view.of(CoreWorker).items() if worker.watched)


REFERENCES = (
    no_free_while_reachable,
    no_error_without_a_death,
    every_read_ends_in_value_or_error,
    unreachable_objects_are_freed,
    a_borrower_is_known,
)
"""Everything that is checked of references."""
