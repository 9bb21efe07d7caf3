"""What must hold of references and the freeing of objects."""

from __future__ import annotations

from rayproof.model.kernel import StateView, always, audit, sometimes
from rayproof.model.objects.ray2.programs import VALUE, references_inside
from rayproof.model.objects.ray2.references import CoreWorker


@always(CoreWorker, source="Wang et al., NSDI 2021, section 4.2; Ray #19910; bug benchmark S8")
def no_free_while_reachable(view: StateView) -> bool:
    """No object is freed while a live process can still reach it; deaths on the way excuse the owner."""
    if view.dead:
        return True
    workers = view.of(CoreWorker).values()
    reachable: set[str] = set()
    for worker in workers:
        inside = references_inside(worker.functions)
        reachable |= {
            *worker.local,
            *worker.in_calls,
            *(name for kept in worker.owned for name in inside.get(kept, ())),
        }
    return not any(worker.freed & reachable for worker in workers)


@audit(CoreWorker, source="bug benchmark S2: at quiescence nothing is held")
def unreachable_objects_are_freed(view: StateView) -> bool:
    """Every value that a live owner keeps is referred to by some live process."""
    workers = view.of(CoreWorker)
    return all(
        any(worker.refers(there) for worker in workers.values()) for owner in workers.values() for there in owner.owned
    )


@audit(CoreWorker, source="Ray #9049; bug benchmark L2")
def every_read_ends_in_value_or_error(view: StateView) -> bool:
    """No live process is left waiting for a value."""
    return not any(worker.reading or worker.running for worker in view.of(CoreWorker).values())


@always(CoreWorker, source="Ray 2.60 exceptions.py, ReferenceCountingAssertionError")
def no_error_without_a_death(view: StateView) -> bool:
    """While all processes live, every read gives a value."""
    return bool(view.dead) or all(
        outcome == VALUE for worker in view.of(CoreWorker).values() for outcome in worker.outcomes.values()
    )


@sometimes(CoreWorker, source="Wang et al., NSDI 2021, section 4.2")
def a_borrower_is_known(view: StateView) -> bool:
    """Some owner waits for the word of a borrower."""
    return any(worker.watched for worker in view.of(CoreWorker).values())


REFERENCES = (
    no_free_while_reachable,
    no_error_without_a_death,
    every_read_ends_in_value_or_error,
    unreachable_objects_are_freed,
    a_borrower_is_known,
)
"""Everything that is checked of references."""
