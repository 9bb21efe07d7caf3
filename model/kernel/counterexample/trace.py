"""Traces: one versioned JSON form for the counterexamples of all drivers, and their print.

A trace is a scenario (its name and parameters), the broken statement, and the list of steps with their choices. Nothing
else is needed to carry it out again; the messages are kept for people and to say where a trace no longer fits.
"""

from __future__ import annotations

import json
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from typing import Any

from rayproof.model.documents import DocumentError, parse_json, printable
from rayproof.model.kernel.counterexample.replay import Replayed
from rayproof.model.kernel.language.faults import FaultKind
from rayproof.model.kernel.language.steps import Deliver, Fault, Fire, Heal, Recover, Step, Taken, Tick

LOOP_BEGINS, LOOP_ENDS = "  -- the loop begins --", "  -- and again from the loop's beginning, for ever --"
"""The marks of a lasso in print."""

FORMAT = "rayproof-trace"
VERSION = 1


class TraceError(ValueError):
    """A document that is no trace: the path inside it, what is there and what was expected."""

    def __init__(self, path: str, found: str, expected: str) -> None:
        super().__init__(f"{path}: {found}; expected {expected}")
        self.path, self.found, self.expected = path, found, expected


@dataclass(frozen=True)
class Trace:
    """A counterexample."""

    scenario: str
    parameters: Mapping[str, Any]
    statement: str
    sentence: str
    steps: tuple[Taken, ...]
    source: str = ""
    driver: str = "explore"
    seed: int | None = None
    constants: Mapping[str, Any] = field(default_factory=dict)
    loop: int | None = None
    """Number of the step at which a lasso's loop begins; None for a finite counterexample."""

    def to_json(self) -> str:
        """The document, with a fixed order of keys and a final line end."""
        document = {
            "format": FORMAT,
            "version": VERSION,
            "scenario": {"name": self.scenario, "parameters": dict(self.parameters), "constants": dict(self.constants)},
            "statement": {"name": self.statement, "sentence": self.sentence, "source": self.source},
            "driver": self.driver,
            "seed": self.seed,
            "loop": self.loop,
            "steps": [{**_step_to_dict(taken.step), "choices": list(taken.choices)} for taken in self.steps],
        }
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Trace:
        """Read the text of a document; raises `TraceError`."""
        try:
            return cls.from_document(parse_json(text))
        except DocumentError as error:
            raise TraceError(f"line {error.line}", error.found, f"a trace with {error.expected}") from None

    @classmethod
    def from_document(cls, document: Any) -> Trace:
        """Read a document of JSON values; raises `TraceError`."""
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise TraceError("format", "not a trace", f'an object with "format": "{FORMAT}"')
        if document.get("version") != VERSION:
            raise TraceError("version", _told(document.get("version")), str(VERSION))
        scenario = _need(document, "scenario", dict)
        statement = _need(document, "statement", dict)
        steps = _need(document, "steps", list)
        seed, loop = document.get("seed"), document.get("loop")
        if seed is not None and type(seed) is not int:
            raise TraceError("seed", _told(seed), "null or a whole number")
        if loop is not None and not (type(loop) is int and 1 <= loop <= len(steps)):
            raise TraceError("loop", _told(loop), f"null or the number of a step, 1 to {len(steps)}")
        return cls(
            _need(scenario, "name", str, "scenario."),
            _need(scenario, "parameters", dict, "scenario."),
            _need(statement, "name", str, "statement."),
            _need(statement, "sentence", str, "statement."),
            tuple(_step_from_dict(item, f"steps[{i}]") for i, item in enumerate(steps)),
            _need(statement, "source", str, "statement."),
            _need(document, "driver", str),
            seed,
            _need(scenario, "constants", dict, "scenario."),
            loop,
        )


def _need(document: Mapping[str, Any], key: str, kind: type, where: str = "") -> Any:
    value = document.get(key)
    if not isinstance(value, kind):
        raise TraceError(f"{where}{key}", _told(value) if key in document else "missing", KINDS[kind])
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise TraceError(f"{where}{key}", f"{len(value):,} characters", f"at most {LONGEST_TEXT:,}")
    return value


KINDS = {dict: "an object", list: "a list", str: "a string", bool: "true or false"}
LONGEST_TEXT = 20_000
"""Characters of one string of a trace."""


def _told(value: Any) -> str:
    """A value of a document for an error: short, whatever it is."""
    return printable(reprlib.repr(value))[:60]


def _step_to_dict(step: Step) -> dict[str, Any]:
    match step:
        case Deliver():
            return {"step": "deliver", "sender": step.sender, "receiver": step.receiver, "channel": step.channel}
        case Fire():
            return {"step": "fire", "process": step.process, "timer": step.timer, "early": step.early}
        case Tick():
            return {"step": "tick"}
        case Recover():
            return {"step": "recover", "unit": step.unit}
        case Heal():
            return {"step": "heal", "one": step.one, "other": step.other}
        case Fault():
            return {"step": "fault", "kind": step.kind, "target": step.target}


def _step_from_dict(item: Any, where: str) -> Taken:
    if not isinstance(item, dict):
        raise TraceError(where, _told(item), "an object")
    choices = _need(item, "choices", list, f"{where}.")
    if not all(type(choice) is int for choice in choices):
        raise TraceError(f"{where}.choices", _told(choices), "integers")

    def text(key: str) -> str:
        found: str = _need(item, key, str, f"{where}.")
        return found

    step: Step
    match item.get("step"):
        case "deliver":
            step = Deliver(text("sender"), text("receiver"), text("channel"))
        case "fire":
            step = Fire(text("process"), text("timer"), _need(item, "early", bool, f"{where}."))
        case "tick":
            step = Tick()
        case "recover":
            step = Recover(text("unit"))
        case "heal":
            step = Heal(text("one"), text("other"))
        case "fault":
            kind = text("kind")
            if kind not in set(FaultKind):
                raise TraceError(f"{where}.kind", _told(kind), "one of " + ", ".join(FaultKind))
            step = Fault(FaultKind(kind), text("target"))
        case other:
            raise TraceError(f"{where}.step", _told(other), "deliver, fire, tick, recover, heal or fault")
    return Taken(step, tuple(choices))


def render(trace: Trace, replayed: Replayed, command: str = "", *, found: bool = False) -> str:
    """The print of a counterexample: the statement, the constants, numbered steps with the fields that changed.

    The first word says whether the replay breaks what the trace is about; `found`: it has just been found, so that it
    is broken even where a policy with moods does not do it again. Nothing in the print is obeyed by a terminal.
    """
    constants = ", ".join(f"{name}={value}" for name, value in trace.constants.items())
    violation = replayed.violation
    confirmed = violation is not None and violation.statement == trace.statement
    lines = [
        f"{'VIOLATED' if confirmed or found else 'NOT CONFIRMED'} {trace.statement}: {trace.sentence}",
        *([f"  source: {trace.source}"] if trace.source else []),
        f"  scenario: {trace.scenario}" + (f" ({constants})" if constants else ""),
        f"  {len(replayed.frames)} steps",
        "",
    ]
    width = len(str(len(replayed.frames)))
    for number, frame in enumerate(replayed.frames, 1):
        if trace.loop == number:
            lines.append(LOOP_BEGINS)
        message = f"  {_plain(frame.message)}" if frame.message is not None else ""
        choices = f"  choices {list(frame.taken.choices)}" if frame.taken.choices else ""
        lines.append(f"  {number:>{width}}. {frame.taken.step}{message}{choices}")
        indent = " " * (width + 4)
        for change in frame.changes:
            if change.field == "alive":
                lines.append(f"{indent}{change.process} is down")
            else:
                where = f"{change.process}.{change.field}"
                lines += [indent + line for line in _difference(where, change.before, change.after)]
    if trace.loop is not None:
        lines.append(LOOP_ENDS)
    lines.append("")
    if violation is None:
        why = "the policy does not do it again" if found else "the model, or what is checked, has changed"
        lines.append(f"  the replay breaks nothing: {why}")
    elif confirmed:
        lines.append(f"  => {violation.sentence}")
    else:
        lines.append(f"  => VIOLATED {violation.statement} instead: {violation.sentence}")
    if command:
        lines.append(f"  replay: {command}")
    return "\n".join(map(printable, lines)) + "\n"


def listed(trace: Trace) -> str:
    """The print of a counterexample as it was recorded, without carrying it out."""
    lines = [f"{trace.statement}: {trace.sentence}"]
    lines.append(f"  scenario {trace.scenario}, found by {trace.driver}, seed {trace.seed}")
    lines += [
        f"  {name}: {value if isinstance(value, str) else _brief(value)}" for name, value in trace.parameters.items()
    ]
    for number, taken in enumerate(trace.steps, 1):
        if trace.loop == number:
            lines.append(LOOP_BEGINS)
        lines.append(f"  {number:>3}. {taken.step}" + (f"  choices {list(taken.choices)}" if taken.choices else ""))
    if trace.loop is not None:
        lines.append(LOOP_ENDS)
    return "\n".join(map(printable, lines)) + "\n"


LONGEST = 160
"""Characters of a value that are shown."""


def _difference(where: str, before: Any, after: Any) -> list[str]:
    """What has changed; of a mapping only the entries that differ."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return [f"{where}: {_brief(before)} -> {_brief(after)}"]
    lines = []
    for key in sorted({*before, *after}):
        if before.get(key, _ABSENT) != after.get(key, _ABSENT):
            old = _brief(before[key]) if key in before else "absent"
            new = _brief(after[key]) if key in after else "gone"
            lines.append(f"{where}[{_plain(key)}]: {old} -> {new}")
    return lines


_ABSENT = object()


def _brief(value: Any) -> str:
    text = _plain(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def _plain(value: Any) -> str:
    """A value as people write it; sets and mappings in a fixed order."""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(_plain(item) for item in sorted(value)) + "}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_plain(key)}: {_plain(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_plain, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_plain, value)) + ("," if len(value) == 1 else "") + ")"
    if is_dataclass(value) and not isinstance(value, type):
        inner = ", ".join(f"{f.name}={_plain(getattr(value, f.name))}" for f in fields(value) if f.repr)
        return f"{type(value).__name__}({inner})"
    return repr(value)
