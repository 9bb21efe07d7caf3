"""The report of `check` for people: figures side by side, or one policy below the other on a narrow terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rayproof.check.simulation import Decides, Settings
from rayproof.check.verdict import PolicyReport, Report, gap
from rayproof.counterexamples import replay_command
from rayproof.model.kernel import Verdict
from rayproof.properties.entry import Edition

COLUMN = 14
"""Characters that a policy's column needs."""

STYLES = {
    Verdict.HOLDS: "green",
    Verdict.KNOWN: "yellow",
    Verdict.VIOLATED: "bold red",
    Verdict.UNDETERMINED: "yellow",
}


def show(report: Report, console: Console) -> None:
    """Print the whole report."""
    recording, cluster = report.workload.recording, report.workload.cluster
    nodes = ", ".join(_node(node.total.amounts()) for node in cluster.nodes)
    console.print(Text.assemble(("workload  ", "bold"), f"{recording.name}: {len(recording.program.tasks)} tasks"))
    console.print(Text.assemble(("cluster   ", "bold"), f"{cluster.name}: {nodes or 'no nodes'}"))
    console.print(Text.assemble(("edition   ", "bold"), _edition(report.settings)))
    console.print(Text.assemble(("recorded  ", "bold"), f"makespan {recording.outcome.makespan_s:.3f} s on real Ray"))
    if report.bound is not None:
        certificate = f"{report.bound.value_us / 1e6:.3f} s, {report.bound.kind}: {report.bound.certificate}"
        console.print(Text.assemble(("bound     ", "bold"), f"no policy is faster than {certificate}"))
    else:
        console.print(Text.assemble(("bound     ", "bold"), report.bound_note))
    console.print()
    if not report.policies:
        console.print(Text("no policy was checked"))
        return
    rows = _rows(report)
    label = max(len(row[0]) for row in rows)
    if label + COLUMN * len(report.policies) + 4 <= console.width:
        _side_by_side(report, rows, console)
    else:
        _one_below_the_other(report, rows, label, console)
    for policy in report.policies:
        _findings(policy, console)
    for note in report.notes:
        console.print(Text(f"note: {note}"))
    if report.workload.unsupported:
        console.print(Text("not expressed in the model", style="bold"))
        for sentence in report.workload.unsupported:
            console.print(Text(f"  - {sentence}"))
    tables = [
        f"{p.name}: {p.questions:,} questions, answered twice" for p in report.policies if p.questions is not None
    ]
    told = "; ".join([f"   seed {report.settings.seed}", *tables])
    console.print(Text.assemble("verdict: ", (str(report.verdict), STYLES[report.verdict]), told))


def _edition(settings: Settings) -> str:
    if settings.edition is Edition.PAPER:
        return "the paper's (OSDI 2018): local and global schedulers"
    form = "in the driver, through soft affinities" if settings.decides is Decides.DRIVER else "in the raylets"
    return f"today's Ray (2.60); on the clock policies decide {form}"


def _node(amounts: dict[str, float]) -> str:
    shown = [f"{amounts[name]:g} {name}" for name in ("CPU", "GPU") if name in amounts]
    return "/".join(shown) or "0 CPU"


def _rows(report: Report) -> list[tuple[str, list[str]]]:
    policies = report.policies

    def row(label: str, value: object) -> tuple[str, list[str]]:
        return label, [value(policy) for policy in policies]  # type: ignore[operator]

    rows = [
        row("verdict", lambda p: str(p.verdict)),
        row("starvation bound", _starvation),
        row("simulated makespan", lambda p: _seconds(p.figures and p.figures.makespan_s)),
    ]
    if any(p.figures is not None and len(p.figures.makespans_s) > 1 for p in policies):
        rows.append(row("  over seeds", _spread))
    rows += [
        row("gap to the bound", lambda p: _percent(gap(p.figures, report.bound))),
        row("bytes moved", lambda p: "-" if p.figures is None else _bytes(p.figures.bytes_moved)),
        row("waiting p50", lambda p: _seconds(p.figures and p.figures.wait_p50_s)),
        row("waiting p99", lambda p: _seconds(p.figures and p.figures.wait_p99_s)),
        row("utilisation", lambda p: _percent(p.figures and p.figures.utilisation)),
        row("load imbalance", lambda p: _ratio(p.figures and p.figures.imbalance)),
        row("where the time went", lambda p: ""),
    ]
    conditions = next((list(p.figures.breakdown_s) for p in policies if p.figures and p.figures.breakdown_s), [])
    for condition in conditions:
        rows.append(row(f"  {condition.replace('_', ' ')}", lambda p, c=condition: _share(p, c)))
    return rows


def _starvation(policy: PolicyReport) -> str:
    bound = policy.starvation_bound
    return "-" if bound is None else f"{'' if bound.exact else 'at least '}{bound.tasks} tasks"


def _share(policy: PolicyReport, condition: str) -> str:
    if policy.figures is None or not policy.figures.breakdown_s:
        return "-"
    total = sum(policy.figures.breakdown_s.values())
    value = policy.figures.breakdown_s[condition]
    return f"{value:.2f} s {value / total:>4.0%}" if total else "-"


def _spread(policy: PolicyReport) -> str:
    if policy.figures is None or len(policy.figures.makespans_s) < 2:
        return "one run"
    return f"{min(policy.figures.makespans_s):.2f}-{max(policy.figures.makespans_s):.2f} s"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f} s"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}x"


def _bytes(value: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if value >= size:
            return f"{value / size:.1f} {unit}"
    return f"{value} B"


def _side_by_side(report: Report, rows: list[tuple[str, list[str]]], console: Console) -> None:
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column("", no_wrap=True)
    for policy in report.policies:
        table.add_column(Text(policy.name), justify="right", overflow="fold")
    for label, values in rows:
        table.add_row(label, *(Text(value, style=_style(label, value)) for value in values))
    console.print(table)
    console.print()


def _one_below_the_other(report: Report, rows: list[tuple[str, list[str]]], label: int, console: Console) -> None:
    for i, policy in enumerate(report.policies):
        console.print(Text(policy.name, style="bold"))
        for name, values in rows:
            console.print(Text.assemble(f"  {name:<{label}}  ", (values[i], _style(name, values[i]))))
        console.print()


def _style(label: str, value: str) -> str:
    return STYLES[Verdict(value)] if label.startswith("verdict") and value in set(Verdict) else ""


def _findings(policy: PolicyReport, console: Console) -> None:
    if policy.trace is not None:
        console.print(Text.assemble((f"{policy.name} breaks {policy.trace.statement}", "bold red")))
        console.print(Text(f"  {policy.trace.sentence}"))
        console.print(Text(f"  {len(policy.trace.steps)} steps in scenario {policy.trace.scenario}"))
        if policy.trace_file is not None:
            console.print(Text(f"  {replay_command(policy.trace_file, policy.trace)}"))
        console.print()
    for verification in policy.verifications:
        result = verification.result
        if result.verdict is Verdict.UNDETERMINED and result.note:
            console.print(Text(f"{policy.name} is undetermined on {result.scenario}: {result.note}", style="yellow"))
    for statement, scope in policy.differs:
        console.print(Text(f"{policy.name} differs from Ray ({scope}): {statement.sentence} Not so under this policy."))
    for note in policy.notes:
        console.print(Text(f"{policy.name}: {note}"))
    if policy.notes or policy.differs:
        console.print()
