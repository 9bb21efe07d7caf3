"""Is this a schedule of this instance? Read off the definition; nothing here is shared with what makes schedules."""

from __future__ import annotations

from collections.abc import Iterator

from rayproof.solver.instances import Instance
from rayproof.solver.schedules.form import Schedule


class ScheduleError(AssertionError):
    """An engine handed out a schedule that breaks the instance: a defect of the engine."""


def require_valid(instance: Instance, schedule: Schedule) -> None:
    """Raise `ScheduleError` with the first fault found."""
    for fault in faults(instance, schedule):
        raise ScheduleError(f"{instance.name}: {fault}")


def faults(instance: Instance, schedule: Schedule) -> Iterator[str]:
    """Everything wrong with a schedule, in words."""
    known = {task.id for task in instance.tasks}
    for name in sorted(known ^ set(schedule.slots)):
        yield f"{name} is {'not scheduled' if name in known else 'not among the tasks'}"
    if known != set(schedule.slots):
        return
    yield from _misplaced(instance, schedule)
    yield from _too_early(instance, schedule)
    yield from _overfull(instance, schedule)


def _misplaced(instance: Instance, schedule: Schedule) -> Iterator[str]:
    nodes = {node.id: node for node in instance.nodes}
    for task in instance.tasks:
        node = nodes.get(schedule.slots[task.id].node)
        if node is None:
            yield f"{task.id} runs on {schedule.slots[task.id].node}, which does not exist"
        elif task.allowed_nodes is not None and node.id not in task.allowed_nodes:
            yield f"{task.id} may not run on {node.id}"
        elif not all(label in node.labels for label in task.labels):
            yield f"{node.id} lacks a label that {task.id} needs"
        elif any(amount > node.capacity[resource] for resource, amount in task.demand):
            yield f"{task.id} needs more than all of {node.id}"


def _too_early(instance: Instance, schedule: Schedule) -> Iterator[str]:
    sizes = {item.id: item.size_bytes for item in instance.objects}
    maker = {made: task for task in instance.tasks for made in task.outputs}
    ends = {task.id: schedule.slots[task.id].start + task.duration for task in instance.tasks}
    for task in instance.tasks:
        slot = schedule.slots[task.id]
        if slot.start < task.release:
            yield f"{task.id} starts at {slot.start}, before its release at {task.release}"
        for name in task.after:
            if slot.start < ends[name]:
                yield f"{task.id} starts at {slot.start}, before {name} ends at {ends[name]}"
        for wanted in task.inputs:
            if wanted not in maker:
                continue
            made = maker[wanted]
            waited = slot.start - ends[made.id]
            local = schedule.slots[made.id].node == slot.node
            bandwidth = instance.bandwidth_bytes_per_s
            sent = waited * bandwidth if bandwidth is not None and not local else None
            if waited < 0 or (sent is not None and sent < sizes.get(wanted, 0) * 1_000_000):
                yield f"{task.id} starts at {slot.start}, before {wanted} has come from {made.id}"


def _overfull(instance: Instance, schedule: Schedule) -> Iterator[str]:
    for node in instance.nodes:
        changes: list[tuple[int, int, str, int]] = []
        for task in instance.tasks:
            slot = schedule.slots[task.id]
            if slot.node == node.id and task.duration > 0:
                for resource, amount in task.demand:
                    changes.append((slot.start, 1, resource, amount))
                    changes.append((slot.start + task.duration, 0, resource, -amount))
        used: dict[str, int] = {}
        # At equal times what ends gives back first: intervals are half open.
        for time, _, resource, amount in sorted(changes):
            used[resource] = used.get(resource, 0) + amount
            if used[resource] > node.capacity[resource]:
                yield f"{node.id} is asked for more {resource} than it has at {time}"
                break
