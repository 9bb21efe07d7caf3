"""The page about mutants, made from the file of results."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

PARTS = ("model/gcs", "model/scheduler", "model/lineage")

KINDS = ("statement", "error", "loop", "test", "count", None)

ENUMS = (
    "Ending|Item|TaskKind|BundleStrategy|TaskStatus|TimerKind|NodeState|Stage|FaultKind|GroupState|Table|Component|WAIT"
)

EQUIVALENT = (
    (r"frozen=True, slots=True\)  ->  .*slots=False", "a class without slots only takes more room"),
    (rf"\bis (not )?({ENUMS})\b.*->.*(==|!=) ({ENUMS})\b", "members of an enumeration are equal only to themselves"),
    (r"strict=True\)  ->  .*strict=False", "both sequences have one length by construction"),
    (r"\(0, 0\)\)\[0\].*->.*\(0, -1\)\)\[0\]", "the second of the pair is not looked at"),
)
"""Changes that no run can show: (pattern of the change, why)."""


def argued(change: str) -> str:
    """Why a change is equivalent; empty for one that is not known to be."""
    return next((why for pattern, why in EQUIVALENT if re.search(pattern, change)), "")


HEAD = """# Mutants: can the suite fail?

Made by `python -m benchmarks.mutation --report` from `benchmarks/results/mutation.json`; do not edit.

Cosmic Ray's mutants of every module of `model/gcs`, `model/scheduler` and `model/lineage`, drawn with a seed, each with
{cpu_s:g} CPU seconds in all. A mutant is killed when a tiny scope that runs its line ends otherwise than without it: by
a *statement*, by an *error* of the model (a message that nobody understands, a broken contract of the kernel), by
running for ever (*loop*); failing that, by a *test* of its part, or by the pinned *count* of states of the scopes that
were run. Annotations are not mutated; lines that no scope runs are, and survive unless a test knows them.

The survivors of seed 0 were in view when the tests of single handlers were written, and those of seed 2, after its run,
when a few more were; the figures are of the tests as they were before.
"""


def report(runs: Sequence[Mapping[str, Any]]) -> str:
    """The text of `benchmarks/results/mutation.md`."""
    text = HEAD.format(cpu_s=runs[0]["cpu_s"])
    for run in runs:
        text += (
            f"\n## {len(run['fates'])} of {run['of']:,} mutants, seed {run['seed']}\n\n"
            + "\n".join((*table(run["fates"]), "", *survivors(run["fates"])))
            + "\n"
        )
    return text


def table(fates: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The score of each part, and of all."""
    fates = list(fates)
    yield "| part | mutants | " + " | ".join(kind or "survived" for kind in KINDS) + " | killed |"
    yield "|---" * (len(KINDS) + 3) + "|"
    for part in (*PARTS, "all"):
        some = [fate for fate in fates if part == "all" or fate["mutant"]["module"].startswith(part)]
        found = Counter(fate["killer"] for fate in some)
        share = 1 - found[None] / len(some)
        yield f"| {part} | {len(some)} | " + " | ".join(str(found[kind]) for kind in KINDS) + f" | {share:.1%} |"


def survivors(fates: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Each survivor, those that are argued to be equivalent with the reason."""
    alive = [fate for fate in fates if fate["killer"] is None]
    equal = sum(bool(argued(fate["change"])) for fate in alive)
    yield f"Argued to be equivalent: {equal} of {len(fates)} ({equal / len(fates):.1%}). Survivors:"
    yield ""
    for fate in alive:
        why = argued(fate["change"])
        place = f"{fate['mutant']['module']}:{fate['mutant']['line']}"
        yield f"- {place} `{fate['change']}`" + (f": equivalent, {why}" if why else "")
