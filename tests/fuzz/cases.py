"""Command lines over damaged, strange and good files, drawn from a seed, with the exit codes that each may have."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.seeds import seeds
from tests.mutations import damaged
from tests.shared_data import EXAMPLES

BAD = frozenset({2})
ANSWERED = frozenset({0, 1, 3})
ANY = ANSWERED | BAD
UNITS = ("--resource-units", "3000", "--seconds", "600")

NASTY: tuple[Callable[[Random], Any], ...] = (
    lambda draw: None,
    lambda draw: -1,
    lambda draw: 1.5,
    lambda draw: True,
    lambda draw: 10 ** draw.choice((15, 16, 18, 19, 40, 5000)),
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
    "", "-", "--", "-1", "0", "1", "3", "1e999", "nan", "99999999999999999999999", "x", "\x1b[2J", "é\u202e", "default",
    "spread", "heft", "list", "lpt", "alpha_beta", "alpha_beta:1/0,1", "alpha_beta:1e99999999,1", "alpha_beta:,", "tiny",
    "no/such.py", "a:b", "json:loads", "os:", ":", "cluster-3-3-0", "chain-3-2-1", "huge", "*", "[", "T0", "D15", "-h",
)  # fmt: skip
COMMANDS = (
    "verify", "check", "replay", "show", "scenarios", "statements", "policies", "traceability", "explore", "bounds",
    "new-policy", "bugs", "golden", "solve", "why", "gap", "worst", "--version", "nonsense",
)  # fmt: skip
OPTIONS = (
    "--json", "--out", "--seed", "--workload", "--policy", "--cluster", "--scope", "--only", "--reduce", "--bug", "--nodes",
    "--tasks", "--rows", "--graph", "--markdown", "--witness", "--folder", "--scenario", "--instances", "--objective",
    "--aim", "--follow", "--trust", "--while", "--ladder", "--driver", "--walks", "--engine",
)  # fmt: skip


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
        kind = self.draw.choice(
            (self.damaged, self.damaged, self.damaged, self.damaged, self.strange, self.target, self.words)
        )
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
        if self.draw.random() < 0.5 and file.suffix in (".json", ".jsonl"):
            content = self._other_json(text, lines=file.suffix == ".jsonl")
        else:
            content = next(damaged(text, self.draw.getrandbits(32)))
        file.write_bytes(content)
        return Case(self._reading(name, file), ANY, f"{name}: {content[:200]!r}")

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
        return ("\n".join(parts) + "\n").encode("utf-8", "surrogatepass")

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
        json_too = ("--json",) if self.draw.random() < 0.5 else ()
        if name == "cluster.yaml":
            recording = str(EXAMPLES / "recordings" / "13_tree_reduce.jsonl")
            return ("solve", recording, "--cluster", path, "--resource-units", "300", "--seconds", "600", *json_too)
        if "trace" in name:
            dash = ("--json", "-") if json_too else ()
            return (
                self.draw.choice(
                    (
                        ("replay", path),
                        ("show", path),
                        ("show", path, "--follow", "T0"),
                        ("replay", path, "--policy", "default"),
                    )
                )
                + dash
            )
        if name in ("recording.jsonl", "timeline.json") and self.draw.random() < 0.06:
            return ("check", "--workload", path, "--max-states", "1", *out, *(("--json", "-") if json_too else ()))
        return self.draw.choice(
            (
                ("solve", path, *UNITS, *json_too),
                ("why", self.draw.choice(("a", "T0", "g", "t0", "\x1b[2J")), "--scenario", path, *UNITS, *json_too),
                ("gap", "--policy", self.draw.choice(("heft", "spread")), "--instances", path, *UNITS, *out, *json_too),
            )
        )

    def strange(self) -> Case:
        """Something that is no file with text."""
        suffix = self.draw.choice((".json", ".jsonl", ".yaml", ".stg", ".sm", ".jsp", ".py"))
        path = self._file("strange" + suffix)
        kind = self.draw.choice(
            ("fifo", "folder", "device", "dangling", "loop", "missing", "empty", "nul", "long", "binary")
        )
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
                ("why", "x", "--scenario", str(path)),
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
                (
                    "explore",
                    "chain-3-2-1",
                    "--graph",
                    file + ".dot" if kind in ("below", "missing", "nul", "long") else file,
                ),
                ("golden", "default", "--json", file),
                ("gap", "--policy", "heft", "--out", folder),
                ("worst", "--policy", "lpt", "--tasks", "2", "--nodes", "2", "--out", folder),
                ("worst", "--policy", "lpt", "--tasks", "2", "--nodes", "2", "--witness", f"{folder}/w.json"),
                ("new-policy", "mine", "--folder", folder),
            )
        )
        return Case(arguments, BAD, kind)

    def words(self) -> Case:
        """Words in any order; what would work for long is kept out by options that end it at once."""
        command = self.draw.choice(COMMANDS)
        arguments = [command]
        for _ in range(self.draw.randrange(4)):
            if self.draw.random() < 0.5:
                arguments.append(self.draw.choice(OPTIONS))
            arguments.append(self.draw.choice(WORDS))
        if command in ("bugs", "verify"):
            arguments.append(self.draw.choice(("D15", "nothing")) if command == "bugs" else "chain-3-2-1")
        if command in ("verify", "explore", "bounds", "check"):
            arguments += ["--max-states", "20"]
        if command == "check":
            arguments += ["--workload", "no.jsonl"]
        if command in ("gap", "worst", "solve", "why"):
            arguments += [*UNITS]
        return Case(tuple(arguments), ANY, "words")
