"""Worst instances: proofs with their times, and how near black-box search comes in thirty seconds."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.solver.tables import seconds, table
from rayproof.solver.engine import Limits
from rayproof.solver.worst import ABSTRACT, worst_by_search, worst_case, worst_list

CASES = (
    ("least_load", 3, 2),
    ("least_load", 5, 3),
    ("lpt", 5, 2),
    ("lpt", 7, 3),
    ("spread", 4, 2),
    ("locality_first", 3, 3),
    ("lowest_estimated_wait", 3, 2),
    ("lowest_estimated_wait", 4, 2),
    ("lowest_estimated_wait", 5, 2),
    ("earliest_completion", 4, 2),
    ("earliest_completion", 4, 3),
    ("alpha_beta", 4, 2),
)

LISTS = ((3, 2), (4, 2), (5, 2), (4, 3), (5, 3), (6, 3))
"""List scheduling of graphs: the search does not draw edges."""


def run(search_seconds: float) -> Iterator[str]:
    """The supremum beside what search reaches."""
    rows: list[tuple[object, ...]] = []
    for name, tasks, nodes in CASES:
        policy = ABSTRACT[name]()
        proof = worst_case(policy, tasks, nodes, Limits(60))
        found = worst_by_search(
            policy.choose, tasks, nodes, seconds=search_seconds, transfers=policy.has_transfers, name=name
        )
        assert (
            not proof.proved
            or proof.ratio is None
            or found.ratio is None
            or policy.sorted
            or found.ratio <= proof.ratio
        )
        rows.append(
            (
                name,
                f"{tasks}, {nodes}",
                proof.ratio,
                "yes" if proof.attained else "no",
                "unsat above" if proof.proved else "open",
                seconds(proof.seconds),
                "" if policy.sorted else found.ratio,
            )
        )
    for tasks, nodes in LISTS:
        listed = worst_list(tasks, nodes, Limits(60))
        rows.append(
            (
                "list",
                f"{tasks}, {nodes}",
                listed.ratio,
                "yes" if listed.attained else "no",
                "unsat above" if listed.proved else "open",
                seconds(listed.seconds),
                "",
            )
        )
    header = ("policy", "tasks, nodes", "supremum", "attained", "proof", "s", f"search, {search_seconds:g} s")
    yield table("Worst instances", header, rows)
