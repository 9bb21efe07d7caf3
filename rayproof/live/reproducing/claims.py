"""What of a broken statement, or of a witness, can be seen in a run of the program on real Ray."""

from __future__ import annotations

from collections.abc import Iterator

from rayproof.live.reproducing.families import Part
from rayproof.live.reproducing.happenings import Happened
from rayproof.live.stage import Item
from rayproof.model.graph import Get, Resources, Submit, TaskKind, Wait
from rayproof.model.kernel import Statement, StatementKind

RAISES = {
    "worker_died": ("WorkerCrashedError", "NodeDiedError", "OutOfMemoryError"),
    "actor_died": ("ActorDiedError", "ActorUnavailableError"),
    "object_lost": ("ObjectLostError", "ObjectReconstructionFailedError", "ObjectFetchTimedOutError"),
    "unschedulable": ("TaskUnschedulableError", "ActorUnschedulableError"),
    "cancelled": ("TaskCancelledError",),
    "group_removed": ("TaskPlacementGroupRemoved",),
}
"""Ray's exceptions for the errors of the contract; where a name is not here, it is Ray's own."""

_AT_REST = (StatementKind.AUDIT, StatementKind.EVENTUALLY, StatementKind.LEADS_TO, StatementKind.PROGRESS)

_RULES = {
    "begins_after_its_inputs": "early",
    "attempts_are_counted": "again",
    "an_attempt_has_its_cause": "again",
    "one_body_a_process": "overlap",
    "a_get_fails_with_its_task": "fails",
    "an_error_has_its_cause": "fails",
    "retries_are_used_up_first": "fails",
    "calls_begin_in_order": "order",
    "a_get_returns_what_was_made": "value",
}
"""What shows that a rule of the contract is broken."""


class Unseen(ValueError):
    """Nothing of it shows in what a program sees."""


def claims(statement: Statement, part: Part, found: Happened) -> tuple[Item, ...]:
    """What all has to be seen. Raises `Unseen`."""
    if found.refusal:
        rule = found.refusal.partition(":")[0]
        made = tuple(_SHOWS[_RULES.get(rule, "again")](part, found))
    elif statement.kind in _AT_REST:
        made = tuple(_at_rest(part, found))
    elif "order" in statement.name:
        made = tuple(_order(part, found))
    elif any(word in statement.name for word in ("elsewhere", "leaves")):
        made = tuple(_elsewhere(part, found))
    elif statement.kind is StatementKind.SOMETIMES:
        made = tuple(_any(part, found))
    else:
        made = tuple(_any(part, found, faults=_faults(found)))
    if not made:
        raise Unseen(f"{statement.name} is about what Ray's processes hold; this program shows nothing of it")
    return made


def _at_rest(part: Part, found: Happened) -> Iterator[Item]:
    """What waits for ever, or is not given back."""
    for group, states in sorted(found.groups.items()):
        yield ("group", group, *states)
    makers = {made: task for task in part.tasks.values() for made in task.outputs}
    stay = [makers[made].id for made in found.waits if made in makers and makers[made].id in part.stays]
    # Who waits for what a body has submitted waits for that body, in the driver's eyes.
    got = sorted({_seen(part, made) for made in found.waits if made not in makers or makers[made].id not in stay})
    yield from (("never runs", task) for task in stay)
    if got:
        yield ("waits", *got)
    elif not stay and not found.groups:
        yield from (("is left", name, amount) for name, amount in sorted(found.left.items()))


def _seen(part: Part, made: str) -> str:
    """The object that the driver gets, or that of the task in whose body this one is waited for."""
    for task in part.tasks.values():
        submits = [action.task for action in task.body if isinstance(action, Submit)]
        if any(made in part.tasks[child].outputs for child in submits):
            return _seen(part, task.outputs[0])
    return made


def _any(part: Part, found: Happened, faults: int = 0) -> Iterator[Item]:
    """Whatever is out of the ordinary: work that waits, is done again, overlaps, fails, or keeps what it has. What as
    many faults explain, further attempts and errors, is not."""
    again = [claim for claim in _again(part, found) if claim[2] > 1 + faults]
    fails = [] if faults else list(_fails(part, found))
    shown = (show(part, found) for show in (_at_rest, _overfull, _overlap, _on_the_draining))
    for made in (*map(list, shown), again, fails):
        if made:
            yield from made[:2]
            return


def _faults(found: Happened) -> int:
    return len(found.struck) + sum(item[0] in ("crash", "crash with", "kill", "kill actor") for item in found.timeline)


def _again(part: Part, found: Happened) -> Iterator[Item]:
    yield from (("runs", task, times) for task, times in sorted(found.begun.items()) if times > 1)


def _overlap(part: Part, found: Happened) -> Iterator[Item]:
    """Two attempts of one task at once."""
    running: dict[str, int] = {}
    for what, task, attempt in found.order:
        if what == "begins":
            if task in running:
                yield ("at once", task, task)
            running[task] = attempt
        elif what == "crashes":
            running = {each: number for each, number in running.items() if found.places[each, number] != task}
        elif what in ("ends", "dies") and running.get(task) == attempt:
            del running[task]


def _overfull(part: Part, found: Happened) -> Iterator[Item]:
    """More bodies on a node than it has room for, none of them in a get."""
    running: dict[tuple[str, int], str] = {}
    for what, task, attempt in found.order:
        if what in ("ends", "dies"):
            running.pop((task, attempt), None)
        elif what == "crashes":
            running = {each: node for each, node in running.items() if node != task}
        elif what == "begins":
            node = found.places[task, attempt]
            running[task, attempt] = node
            here = [each for (each, _), place in running.items() if place == node and _computes(part, each)]
            taken = sum((part.tasks[each].demand for each in here), Resources())
            if node in part.nodes and not taken.fits(part.nodes[node]):
                yield ("together", node, *here)


def _computes(part: Part, task: str) -> bool:
    """Whether a body never waits in a get."""
    return not any(isinstance(action, Get | Wait) for action in part.tasks[task].body)


def _on_the_draining(part: Part, found: Happened) -> Iterator[Item]:
    """A body that begins on a node that was drained before."""
    draining: set[str] = set()
    for what, name, attempt in found.order:
        if what == "drains":
            draining.add(name)
        elif what == "begins" and found.places[name, attempt] in draining:
            yield ("on", name, found.places[name, attempt])


def _early(part: Part, found: Happened) -> Iterator[Item]:
    """A task that begins before what it needs has ended."""
    ended: set[str] = set()
    makers = {made: task.id for task in part.tasks.values() for made in task.outputs}
    for what, task, _ in found.order:
        if what == "ends":
            ended.add(task)
        elif what == "begins":
            for made in part.tasks[task].inputs:
                if made in makers and makers[made] not in ended:
                    yield ("early", task, makers[made])


def _fails(part: Part, found: Happened) -> Iterator[Item]:
    for name, outcome in sorted(found.outcomes.items()):
        if outcome not in ("value", ""):
            errors = RAISES.get(outcome, (outcome,) if outcome[0].isupper() else ())
            yield ("raises", name, *errors) if errors else ("fails", name)


def _order(part: Part, found: Happened) -> Iterator[Item]:
    calls = [task.id for task in part.tasks.values() if task.kind is TaskKind.ACTOR_METHOD and task.id in found.begun]
    parents = {
        action.task: task.id for task in part.tasks.values() for action in task.body if isinstance(action, Submit)
    }
    callers = {parents.get(call, "") for call in calls}
    for caller in sorted(callers):
        own = [call for call in calls if parents.get(call, "") == caller]
        begun = [own.index(task) for what, task, _ in found.order if what == "begins" and task in own]
        if begun != sorted(begun):
            yield ("out of order", *own)


def _elsewhere(part: Part, found: Happened) -> Iterator[Item]:
    driver = next(iter(part.nodes))
    for (task, _), node in sorted(found.places.items()):
        if node != driver:
            yield ("on", task, *(each for each in part.nodes if each != driver))
            return


def _value(part: Part, found: Happened) -> Iterator[Item]:
    yield from (("wrong value", name) for name, outcome in sorted(found.outcomes.items()) if outcome == "value")


_SHOWS = {
    "again": _again,
    "overlap": _overlap,
    "early": _early,
    "fails": _fails,
    "order": _order,
    "value": _value,
}
