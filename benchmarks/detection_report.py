"""The page about detection, made from the file of results."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from typing import Any

from rayproof.properties.gallery.entries import GALLERY
from rayproof.properties.gallery.entry import Standing
from rayproof.properties.gallery.ladder import rungs
from rayproof.properties.gallery.scopes import GENERIC_SCOPES

SILENT = (
    "a caller that may lose contact gives up a call of which it hears nothing, so in the generic scope the hang ends "
    "in an error"
)

WHY = {
    "D05": "`spread_balance` counts all placements, so it is a claim about SPREAD tasks alone on a cluster that keeps "
    "all its nodes; no generic scope is like that",
    "D29": "the maker of a lost object has to compete for memory with a reader of another lost object on one node; the "
    "generic scope makes objects again on nodes of their own",
    "D34": "a reader has to die while it alone keeps a copy, and room has to be needed for something else after that",
    "D37": "objects of the generic scope that are sent together have one chunk each; there is nothing to interleave",
    "D39": "the borrower that may die in the generic scope is not the one that passes the reference on",
    "D47": SILENT,
    "D48": SILENT,
    "D75": "a client that asks again for ever never rests, and what must hold at rest is all that a walk can judge of "
    "it; explore proves the claim about runs broken (`writes_get_answers`)",
}
"""What is missing where a defect is not found in the generic scopes."""

HEAD = """# Detection: which real defects are noticed

Made by `python -m benchmarks.detection --report` from `benchmarks/results/detection.json`; do not edit.

The gallery (`properties/gallery/`, `rayproof bugs`) has {all} defects that Ray, KubeRay and chain-replicated stores
really had. Each is planted by putting a broken process in the place of a correct one. A kill counts when the
statement fails that the entry names, no other, and when the correct model with the same scope, seed and number of steps
keeps it. A mutant that stumbles over an error of its own is not killed.

*Directed*: the defect's own scenario, exhausted. *Walk* and *explore*: the {scopes} generic scopes of
`properties/gallery/scopes/`, which are the same for all and are never the directed scenarios. They were committed
before any defect was tried on them. Four of them (chain, groups, members, references) got one independent part more
when the scheduler learned nested leases, tasks in bundles, stored results and a restart of its group manager: before
the defects of those parts were tried. After the first campaign two were changed: `generic-tables` comes to rest and
claims that a subscriber catches up, and clients of `generic-chain` ask again for ever, no longer three times. Those two
were thus changed with results in view. `generic-leases` and
the parts beside groups and chain were rebuilt on clusters of today's Ray when the leases were composed there, and the
part beside references went into the first: what is said here of D02 to D04, D07 to D12, D15 and D16 was measured before
that. Of the scopes only those that have the
replaced process are run; the CPU seconds are shared among them, and were taken on a machine that others were using.
A claim that holds only without failures, such as `spread_balance`, is in no generic scope.

The shares of kills are of the defects that are planted; the known ones are not searched for. Fingerprint of the model
in these runs: {model}.
"""


def report(done: dict[str, Any]) -> str:
    """The text of `benchmarks/results/detection.md`."""
    parts = [
        HEAD.format(all=len(GALLERY), scopes=len(GENERIC_SCOPES), model=_model(done)),
        _summary(done),
        "## The correct model\n\n" + _correct(done),
        "## The ladder\n\n" + _ladder(done),
        "## Each defect\n\n" + _each(done),
        "## Survivors\n\n" + _survivors(done),
        "## Not planted\n\n" + _others(),
    ]
    return "\n".join(parts)


def _model(done: dict[str, Any]) -> str:
    return " or ".join(sorted({found.get("model", "unknown") for found in done.values()}))


def _of(standing: Standing) -> list[str]:
    return [entry.id for entry in GALLERY.values() if entry.standing is standing]


def _walks(done: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [found for key, found in done.items() if key.startswith(f"walk {name} ")]


def walked(done: dict[str, Any], name: str) -> bool:
    """Whether a defect is killed by walks: in the median over the seeds, within the budget."""
    runs = _walks(done, name)
    return bool(runs) and sum(run["result"] == "killed" for run in runs) * 2 > len(runs)


def _explored(done: dict[str, Any], name: str) -> bool:
    return bool(done.get(f"explore {name}", {}).get("result") == "killed")


def searched(done: dict[str, Any], name: str) -> bool:
    """Whether a defect is killed in the generic scopes, by walks or by explore."""
    return walked(done, name) or _explored(done, name)


def _ratios(done: dict[str, Any], names: Iterable[str]) -> list[float]:
    found = []
    for name in names:
        walk, least = done.get(f"walk {name} 0", {}), done.get(f"explore {name}", {})
        same = walk.get("scope") == least.get("scope") and walk.get("statement") == least.get("statement")
        if same and walk.get("length") and least.get("length"):
            found.append(walk["length"] / least["length"])
    return found


def _table(head: tuple[str, ...], rows: Iterable[Iterable[object]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _share(count: int, whole: int) -> str:
    return f"{count} of {whole}" + (f" ({count / whole:.0%})" if whole else "")


def _summary(done: dict[str, Any]) -> str:
    names = _of(Standing.EXPRESSIBLE)
    seeds = max((len(_walks(done, name)) for name in names), default=0)
    alarms = [key for key, found in done.items() if key.startswith("correct ") and found["alarm"]]
    ratios = _ratios(done, names)
    cpu = [median(run["cpu_s"] for run in _walks(done, name)) for name in names if walked(done, name)]
    known = _of(Standing.KNOWN)
    shown = sum(done.get(f"directed {name}", {}).get("result") == "known" for name in known)
    missing = [name for name in names if f"directed {name}" not in done or f"explore {name}" not in done]
    rows = [
        ("defects outside the autoscaler and KubeRay", len(GALLERY) - len(_of(Standing.LATER))),
        ("of these expressible: planted, or known of the correct model", len(names) + len(known)),
        ("known of real Ray, and shown by the correct model", f"{shown} of {len(known)}"),
        (
            "killed in their directed scenario",
            _share(sum(done.get(f"directed {n}", {}).get("result") == "killed" for n in names), len(names)),
        ),
        (
            f"killed by walks of the generic scopes, median of {seeds} seeds, at most "
            f"{_budget(done, 'walk')} CPU seconds each",
            _share(sum(walked(done, name) for name in names), len(names)),
        ),
        (
            f"killed by explore of the generic scopes, at most {_budget(done, 'explore')} CPU seconds each",
            _share(sum(_explored(done, name) for name in names), len(names)),
        ),
        ("killed by walks or explore", _share(sum(searched(done, name) for name in names), len(names))),
        (
            "CPU seconds of walks until the kill, control run of the correct model included: median and largest",
            _spread(cpu),
        ),
        (
            "length of a walk's minimised counterexample over explore's shortest in the same scope",
            f"median {median(ratios):.2f}, largest {max(ratios):.2f}, of {len(ratios)}" if ratios else "not measured",
        ),
        ("alarms of the correct model in the generic scopes", ", ".join(alarms) or "none"),
    ]
    if missing:
        rows += [("not measured yet", ", ".join(missing))]
    return _table(("what", "figure"), rows)


def _budget(done: dict[str, Any], kind: str) -> str:
    found = sorted({float(value["budget"]) for key, value in done.items() if key.startswith(f"{kind} ")})
    return " or ".join(f"{value:g}" for value in found) or "?"


def _spread(values: list[float]) -> str:
    return f"{median(values):.2f} and {max(values):.1f}" if values else "not measured"


def _correct(done: dict[str, Any]) -> str:
    rows = []
    seeds = max((found.get("seeds", 1) for key, found in done.items() if key.startswith("correct ")), default=0)
    for scope in GENERIC_SCOPES:
        walk, full = (done.get(f"correct {scope.name} {driver}") for driver in ("walk", "explore"))
        scenario = scope.build({}, False)
        faults = ", ".join(f"{count} {kind}" for kind, count in sorted(scenario.faults.items())) or "none"
        rows.append(
            (
                scope.name,
                len(scenario.processes),
                faults,
                f"{walk['walks']:,} walks, {walk['steps']:,} steps" if walk else "",
                f"{full['states']:,} states{'' if full['exhausted'] else ', not exhausted'}" if full else "",
                ", ".join(found["alarm"] for found in (walk, full) if found and found["alarm"]) or "none",
            )
        )
    text = (
        f"Every statement of each scope: walks with {seeds} seeds, {_budget(done, 'correct')} CPU seconds for all "
        "of them together, and as many for explore. Claims about runs for ever are left to the tests.\n\n"
    )
    return text + _table(("scope", "processes", "faults", "walk", "explore", "alarms"), rows)


def _ladder(done: dict[str, Any]) -> str:
    climbs = [found for key, found in done.items() if key.startswith("ladder ")]
    rows = []
    for rung in rungs():
        killed = sum(found["rung"] is not None and found["rung"] <= rung for found in climbs)
        rows.append((f"({rung}) {rung.sentence}", killed, f"{killed / len(climbs):.0%}" if climbs else ""))
    text = (
        f"Walks of the generic scopes, at most {_budget(done, 'ladder')} CPU seconds on each rung, {len(climbs)} "
        "defects; each rung has the abilities of those above it. Below (d) messages are received in the order of "
        "sending, whatever link they take; below (e) stores and tables have more room than they can use.\n\n"
    )
    return text + _table(("rung", "killed", "share"), rows)


def _each(done: dict[str, Any]) -> str:
    rows = []
    for name in _of(Standing.EXPRESSIBLE):
        entry = GALLERY[name]
        direct, least = done.get(f"directed {name}", {}), done.get(f"explore {name}", {})
        runs = _walks(done, name)
        killed = [run for run in runs if run["result"] == "killed"]
        walk = f"{len(killed)} of {len(runs)}" if runs else ""
        if killed:
            walk += f", {median(run['steps'] for run in killed):,.0f} steps, "
            walk += f"{median(run['cpu_s'] for run in killed):.2f} s"
        first = done.get(f"walk {name} 0", {})
        same = first.get("scope") == least.get("scope") and first.get("statement") == least.get("statement")
        lengths = f"{first.get('length') or '?'} / {(least.get('length') if same else None) or '?'}"
        rows.append(
            (
                name,
                entry.source,
                f"`{entry.statement}`",
                f"{direct.get('result', '')}, {direct.get('cpu_s', 0):.2f} s, {direct.get('length')} steps",
                walk,
                f"{least.get('result', '')}, {least.get('cpu_s', 0):.2f} s" if least else "",
                lengths,
            )
        )
    head = ("id", "source", "statement", "directed", "walk", "explore", "length: walk / shortest")
    return _table(head, rows)


def _survivors(done: dict[str, Any]) -> str:
    lines = []
    for name in _of(Standing.EXPRESSIBLE):
        if f"explore {name}" in done and not searched(done, name):
            runs = _walks(done, name)
            late = f"{sum(run['result'] == 'killed' for run in runs)} of {len(runs)} seeds find it within the budget"
            why = WHY.get(name) or late
            lines.append(f"- {name}, {GALLERY[name].source}: {why}.")
    return "\n".join(lines or ["None."]) + "\n"


def _others() -> str:
    lines = []
    for entry in GALLERY.values():
        if entry.standing is not Standing.EXPRESSIBLE:
            standing = entry.standing.replace("_", " ")
            lines.append(f"- {entry.id}, {entry.source}: {standing}; {entry.reason}.")
    noted = [f"- {e.id}, {e.source}: {e.reason}." for e in GALLERY.values() if e.bugs and e.reason]
    return "\n".join([*lines, "", "Planted, but not quite what was reported:", "", *noted]) + "\n"
