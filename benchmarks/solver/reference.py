"""The same questions put to OR-Tools CP-SAT with one worker: the differential reference and the yardstick."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ortools.sat.python import cp_model

from rayproof.solver.instances import Instance, index


@dataclass(frozen=True)
class Reference:
    """CP-SAT's answer: bounds on the optimum, and seconds with model building included."""

    lower: int
    upper: int
    seconds: float

    @property
    def optimal(self) -> bool:
        """Whether CP-SAT proved its value."""
        return self.lower == self.upper


def makespan(instance: Instance, seconds: float, upper: int, lower: int = 0) -> Reference:
    """The shortest schedule, given the same bounds as our engine starts from."""
    started = time.monotonic()
    indexed = index(instance)
    model = cp_model.CpModel()
    starts = [model.new_int_var(indexed.releases[task], upper, "") for task in range(indexed.n)]
    end = model.new_int_var(lower, upper, "makespan")
    on: list[dict[int, cp_model.IntVar]] = []
    intervals: list[dict[int, cp_model.IntervalVar]] = []
    for task, eligible in enumerate(indexed.eligible):
        length = indexed.durations[task]
        model.add(starts[task] + length <= end)
        on.append({node: model.new_bool_var("") for node in eligible})
        model.add_exactly_one(on[task].values())
        intervals.append(
            {
                node: model.new_optional_interval_var(starts[task], length, starts[task] + length, on[task][node], "")
                for node in eligible
            }
        )
    for task, before in enumerate(indexed.preds):
        for pred, delay in before.items():
            done = starts[pred] + indexed.durations[pred]
            model.add(done <= starts[task])
            if delay:
                together = model.new_bool_var("")
                for node in indexed.eligible[task]:
                    if node in on[pred]:
                        model.add(on[pred][node] == on[task][node]).only_enforce_if(together)
                    else:
                        model.add(on[task][node] == 0).only_enforce_if(together)
                model.add(done + delay <= starts[task]).only_enforce_if(~together)
    for node, capacity in enumerate(indexed.capacity):
        for resource, amount in enumerate(capacity):
            drawing = [task for task in range(indexed.n) if node in on[task] and indexed.demand[task][resource]]
            if drawing:
                model.add_cumulative(
                    [intervals[task][node] for task in drawing],
                    [indexed.demand[task][resource] for task in drawing],
                    amount,
                )
    model.minimize(end)
    return _solved(model, started, seconds)


def fewest_bins(weights: Sequence[Sequence[int]], capacity: Sequence[int], bins: int, seconds: float) -> Reference:
    """Vector bin packing into at most `bins` equal bins; `weights[i]` is item i's vector."""
    started = time.monotonic()
    model = cp_model.CpModel()
    order = sorted(
        range(len(weights)), key=lambda item: -max(w / c for w, c in zip(weights[item], capacity, strict=True))
    )
    on = [[model.new_bool_var("") for _ in range(min(at + 1, bins))] for at in range(len(order))]
    used = [model.new_bool_var("") for _ in range(bins)]
    for row in on:
        model.add_exactly_one(row)
    for each in range(bins):
        for at, amount in enumerate(capacity):
            model.add(
                sum(weights[item][at] * on[place][each] for place, item in enumerate(order) if each < len(on[place]))
                <= amount * used[each]
            )
        if each:
            model.add_implication(used[each], used[each - 1])
    model.minimize(sum(used))
    return _solved(model, started, seconds)


def fewest_moves(
    demand: Sequence[Sequence[int]], capacity: Sequence[Sequence[int]], sits: Sequence[int | None], seconds: float
) -> Reference:
    """Fewest occupants that must sit elsewhere so that all of them, the pending (None) too, have a node."""
    started = time.monotonic()
    model = cp_model.CpModel()
    on = [[model.new_bool_var("") for _ in capacity] for _ in demand]
    for row in on:
        model.add_exactly_one(row)
    for node, amounts in enumerate(capacity):
        for at, amount in enumerate(amounts):
            model.add(sum(each[at] * on[item][node] for item, each in enumerate(demand)) <= amount)
    model.minimize(sum(1 - on[item][node] for item, node in enumerate(sits) if node is not None))
    return _solved(model, started, seconds)


def _solved(model: cp_model.CpModel, started: float, seconds: float) -> Reference:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_time_in_seconds = seconds
    status = solver.solve(model)
    took = time.monotonic() - started
    if status == cp_model.INFEASIBLE:
        return Reference(-1, -1, took)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Reference(0, 2**62, took)
    return Reference(round(solver.best_objective_bound), round(solver.objective_value), took)
