"""Command lines over damaged, strange and good files, drawn from a seed, with the exit codes that each may have."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import typer

from rayproof.cli import app
from tests.fuzz.seeds import seeds
from tests.mutations import damaged
from tests.shared_data import EXAMPLES

BAD = frozenset({2})
ANSWERED = frozenset({0, 1, 3})
ANY = ANSWERED | BAD
UNITS = ("--resource-units", "3000", "--budget", "600")

HUGE = "@huge@"
"""Stands for a number of five thousand digits, which Python writes no more than it reads."""

NASTY: tuple[Callable[[Random], Any], ...] = (
    lambda draw: None,
    lambda draw: -1,
    lambda draw: 1.5,
    lambda draw: True,
    lambda draw: 10 ** draw.choice((15, 16, 18, 19, 40)),
    lambda draw: HUGE,
    lambda draw: float("nan"),
    lambda draw: float("inf"),
    lambda draw: "",
    lambda draw: "\x1b]0;owned\x07\x1b[2J\x9b31m",
    lambda draw: "a\nverdict: holds",
    lambda draw: "\x00",
    lambda draw: "\ud800",
    lambda draw: "x" * draw.choice((201, 30_000)),
    lambda draw: [],
    lambda draw: {},
    lambda draw: [None],
    lambda draw: "../../../../etc/passwd",
    lambda draw: json.loads("[" * 90 + "]" * 90),
)

WORDS = (
    *("", "-", "--", "-1", "0", "1", "3", "1e999", "nan", "99999999999999999999999", "x", "\x1b[2J", "é\u202e"),
    *("default", "spread", "heft", "list", "lpt", "alpha_beta", "alpha_beta:1/0,1", "alpha_beta:1e99999999,1"),
    *("tiny", "no/such.py", "a:b", "json:loads", "os:", ":", "cluster-3-3-0", "chain-3-2-1", "huge", "*", "[", "-h"),
)
GOOD: dict[str, tuple[str, ...]] = {
    "names": ("cluster-3-3-0", "chain-3-2-1", "today-plain"),
    "scenario": ("cluster-3-3-0", "chain-3-2-1"),
    "steps": ("*", "client*"),
    "policies": ("default", "spread"),
    "ids": ("D15", "d15"),
    "policy": ("default", "spread", "least_load"),
    "name": ("mine",),
    "bug": ("answers_early",),
    "claim": ("eventual_scheduling",),
    "only": ("no_lost_objects", "no_fork"),
    "reduce": ("auto", "invisible"),
    "json_to": ("-", "report.json"),
    "markdown_to": ("-", "page.md"),
    "graph": ("states.dot", "states.graphml"),
    "out": ("out",),
    "folder": (".",),
    "witness": ("witness.json",),
    "follow_id": ("T0",),
}
"""Values that a parameter takes, by its name; numbers and choices are drawn by their type."""

FILES = ("workload", "instance", "instances", "scenario", "file", "cluster")

CHEAP: dict[str, tuple[str, ...]] = {
    "verify": ("--max-states", "60"),
    "explore": ("--max-states", "60"),
    "bounds": ("--max-states", "60"),
    "check": ("--max-states", "1", "--max-events", "500"),
    "bugs": ("--budget", "0.05"),
    "solve": UNITS,
    "why": UNITS,
    "gap": UNITS,
    "worst": ("--resource-units", "50", "--budget", "600"),
}
"""What keeps a command short; an option that is drawn as well is then given twice, which is refused."""


@dataclass(frozen=True)
class Case:
    """One run of the program."""

    arguments: tuple[str, ...]
    codes: frozenset[int]
    what: str = field(compare=False, default="")


class Cases:
    """Draws cases; the files of each stand in a folder of its own."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.draw = folder, Random(seed)
        self.seeds = seeds()
        self._count = 0

    def next(self) -> Case:
        """The next case, its files written."""
        self._count += 1
        kinds = (self.damaged, self.strange, self.target, self.words, self.likely)
        (kind,) = self.draw.choices(kinds, (6, 1, 1, 1, 3))
        return kind()

    # ---- files ------------------------------------------------------------------------------------------------------

    def _file(self, name: str) -> Path:
        folder = self.folder / str(self._count)
        folder.mkdir(exist_ok=True)
        return folder / name

    def damaged(self) -> Case:
        """A file with something wrong in it, or nothing that matters."""
        name = self.draw.choice(list(self.seeds))
        text = self.seeds[name]
        file = self._file(name)
        how = self.draw.random()
        if how < 0.1:
            content = text.encode()
        elif how < 0.5:
            content = self._plausible(text).encode()
        elif how < 0.8 and file.suffix in (".json", ".jsonl"):
            content = self._other_json(text, lines=file.suffix == ".jsonl")
        else:
            content = next(damaged(text, self.draw.getrandbits(32)))
        file.write_bytes(content)
        return Case(self._reading(name, file), ANY, f"{name}: {content[:200]!r}")

    def _plausible(self, text: str) -> str:
        """A few numbers or names of the text replaced by others that it has, or by small numbers."""
        for _ in range(self.draw.randrange(1, 4)):
            found = list(re.finditer(r'"[\w./-]*"|(?<![\w.])\d+(?:\.\d+)?(?![\w.])', text))
            if not found:
                break
            place = self.draw.choice(found)
            alike = [each[0] for each in found if each[0].startswith('"') == place[0].startswith('"')]
            new = self.draw.choice(alike)
            if not place[0].startswith('"') and self.draw.random() < 0.5:
                new = self.draw.choice(("0", "1", "2", "5", "100", "0.5", "1000000"))
            text = text[: place.start()] + new + text[place.end() :]
        return text

    def _other_json(self, text: str, lines: bool) -> bytes:
        """The same document with one value replaced, left out, given twice or put elsewhere."""
        documents = [json.loads(line) for line in text.splitlines()] if lines else [json.loads(text)]
        at = self.draw.randrange(len(documents))
        twice = self.draw.random() < 0.1
        if not twice:
            documents[at] = self._changed(documents[at])
        parts = [json.dumps(each, ensure_ascii=self.draw.random() < 0.8) for each in documents]
        if twice and parts[at].startswith("{"):
            parts[at] = parts[at].replace("{", '{"k": 1, "k": 2, ', 1)
        text = ("\n".join(parts) + "\n").replace(f'"{HUGE}"', "9" * 5_000)
        return text.encode("utf-8", "surrogatepass")

    def _changed(self, value: Any) -> Any:
        nasty = self.draw.choice(NASTY)
        if isinstance(value, dict) and value and self.draw.random() < 0.9:
            key = self.draw.choice(list(value))
            made = dict(value)
            match self.draw.randrange(6):
                case 0:
                    del made[key]
                case 1:
                    made[f"{key}{nasty(self.draw)!s:.50}"] = made.pop(key)
                case _:
                    made[key] = self._changed(value[key])
            return made
        if isinstance(value, list) and value and self.draw.random() < 0.9:
            listed = list(value)
            index = self.draw.randrange(len(listed))
            match self.draw.randrange(5):
                case 0:
                    del listed[index]
                case 1:
                    listed.append(listed[index])
                case _:
                    listed[index] = self._changed(listed[index])
            return listed
        return nasty(self.draw)

    def _reading(self, name: str, file: Path) -> tuple[str, ...]:
        """A command that reads such a file."""
        path = str(file)
        out = ("--out", str(file.parent / "out"))
        dash = ("--json", "-") if self.draw.random() < 0.5 else ()
        if name == "cluster.yaml":
            recording = self._file("run.jsonl")
            recording.write_text(self.seeds["recording.jsonl"])
            if self.draw.random() < 0.2:
                return ("check", *CHEAP["check"], "--workload", str(recording), "--cluster", path, *out, *dash)
            return ("solve", str(recording), "--cluster", path, *UNITS, *dash)
        if "trace" in name:
            read = (("replay",), ("show",), ("show", "--follow", "client"), ("replay", "--policy", "default"))
            return (*self.draw.choice(read), path, *dash)
        recorded = name in ("recording.jsonl", "timeline.json", "states.json", "states.yaml")
        if name == "recording.jsonl" and self.draw.random() < 0.15:
            return ("conform", path, *dash)
        if name == "states.yaml":
            return ("check", *CHEAP["check"], "--workload", path, *out, *dash)
        if recorded and self.draw.random() < 0.15:
            return ("check", *CHEAP["check"], "--workload", path, *out, *dash)
        if name == "packing.json" or (recorded and self.draw.random() < 0.3):
            pending = self.draw.choice(("a", "g", "T0", "t0", "\x1b[2J"))
            return ("why", pending, "--instance", path, *UNITS, *dash)
        if self.draw.random() < 0.4:
            policy = self.draw.choice(("default", "spread") if recorded else ("heft", "spread"))
            return ("gap", "--policy", policy, "--instances", path, *UNITS, *out, *dash)
        return ("solve", path, *UNITS, *dash)

    def strange(self) -> Case:
        """Something that is no file with text."""
        suffix = self.draw.choice((".json", ".jsonl", ".yaml", ".stg", ".sm", ".jsp", ".py"))
        path = self._file("strange" + suffix)
        kinds = ("fifo", "folder", "device", "dangling", "loop", "missing", "empty", "nul", "long", "binary")
        kind = self.draw.choice(kinds)
        match kind:
            case "fifo":
                os.mkfifo(path)
            case "folder":
                path.mkdir()
            case "device":
                path.symlink_to("/dev/zero")
            case "dangling":
                path.symlink_to("nowhere")
            case "loop":
                path.symlink_to(path.name)
            case "empty":
                path.write_text("")
            case "nul":
                path = path.with_name("a\0b" + suffix)
            case "long":
                path = path.with_name("a" * 300 + suffix)
            case "binary":
                path.write_bytes(self.draw.randbytes(300))
        recording = str(EXAMPLES / "recordings" / "13_tree_reduce.jsonl")
        arguments = self.draw.choice(
            (
                ("check", "--workload", str(path)),
                ("check", "--workload", recording, "--cluster", str(path)),
                ("solve", str(path)),
                ("why", "x", "--instance", str(path)),
                ("gap", "--policy", "heft", "--instances", str(path)),
                ("replay", str(path)),
                ("show", str(path)),
                ("golden", str(path)),
            )
        )
        return Case(arguments, BAD, kind)

    def target(self) -> Case:
        """An answer that is to go where it cannot be."""
        path = self._file("target")
        kind = self.draw.choice(("folder", "device", "fifo", "dangling", "loop", "below", "missing", "nul", "long"))
        file = folder = str(path)
        match kind:
            case "folder":
                path.mkdir()
                folder = "/dev/null"
            case "device":
                path.symlink_to("/dev/full")
            case "fifo":
                os.mkfifo(path)
            case "dangling":
                path.symlink_to("nowhere")
            case "loop":
                path.symlink_to("target")
            case "below":
                path.write_text("")
                file = folder = f"{path}/below"
            case "missing":
                file, folder = f"{path}/no/file", "/dev/null/no"
            case "nul":
                file = folder = f"{path}\0"
            case "long":
                file = folder = f"{path}{'a' * 300}"
        trace = self._file("trace.json")
        trace.write_text(self.seeds["trace.json"])
        picture = file + ".dot" if kind in ("below", "missing", "nul", "long") else file
        arguments = self.draw.choice(
            (
                ("verify", "cluster-wide", "--json", file),
                ("verify", "cluster-wide", "--out", folder),
                ("check", "--workload", str(EXAMPLES / "recordings" / "13_tree_reduce.jsonl"), "--json", file),
                ("check", "--workload", str(EXAMPLES / "recordings" / "13_tree_reduce.jsonl"), "--out", folder),
                ("replay", str(trace), "--json", file),
                ("show", str(trace), "--json", file),
                ("scenarios", "--json", file),
                ("statements", "--json", file),
                ("statements", "--markdown", file),
                ("traceability", "--markdown", file),
                ("policies", "--json", file),
                ("explore", "chain-3-2-1", "--graph", picture),
                ("golden", "default", "--json", file),
                ("gap", "--policy", "heft", "--out", folder),
                ("worst", "--policy", "lpt", "--tasks", "2", "--nodes", "2", "--out", folder),
                ("worst", "--policy", "lpt", "--tasks", "2", "--nodes", "2", "--witness", f"{folder}/w.json"),
                ("new-policy", "mine", "--out", folder),
            )
        )
        return Case(arguments, BAD, kind)

    def words(self) -> Case:
        """Words in any order."""
        command = self.draw.choice([*_commands(), "--version", "nonsense"])
        arguments = [command]
        options = [name for each in _commands().values() for param in each.params for name in param.opts]
        for _ in range(self.draw.randrange(4)):
            if self.draw.random() < 0.5:
                arguments.append(self.draw.choice(options))
            arguments.append(self.draw.choice(WORDS))
        if command in ("verify", "bugs"):
            arguments.append("chain-3-2-1" if command == "verify" else "D15")
        return Case((*arguments, *CHEAP.get(command, ())), ANY, "words")

    def likely(self) -> Case:
        """A command with parameters of its own and values that mostly fit."""
        name = self.draw.choice(list(_commands()))
        command = _commands()[name]
        arguments: list[str] = []
        for param in command.params:
            if param.param_type_name == "argument":
                if param.required or name in ("verify", "bugs") or self.draw.random() < 0.7:
                    arguments.append(self._value(param))
            elif param.required or self.draw.random() < 0.15:
                arguments.append(param.opts[0])
                if not param.is_flag:
                    arguments.append(self._value(param))
        return Case((name, *CHEAP.get(name, ()), *arguments), ANY, "likely")

    def _value(self, param: Any) -> str:
        if self.draw.random() < 0.1:
            return self.draw.choice(WORDS)
        kind = param.type_descriptor.annotation
        if param.name in FILES and (param.name not in GOOD or kind is Path):
            name = self.draw.choice(list(self.seeds))
            file = self._file(name)
            file.write_text(self.seeds[name])
            return str(file)
        if param.name in GOOD:
            return self.draw.choice(GOOD[param.name])
        if isinstance(kind, type) and issubclass(kind, Enum):
            return str(self.draw.choice(list(kind)).value)
        return str(self.draw.choice((0, 1, 2, 3, 5, 0.5, 40, "nan", "inf", "1e999", "-0", 10**18)))


@cache
def _commands() -> dict[str, Any]:
    """The program's commands by name."""
    return dict(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
