"""Damaged versions of a text, always the same ones: what copying, editing and a failing disk do to input files."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

VALUES = [
    "null",
    "-1",
    "NaN",
    "1e999",
    '""',
    '"\\u0000"',
    "[]",
    "{}",
    "true",
    "99999999999999999999",
    '"T999"',
    "[[[]]]",
]


def damaged(text: str, seed: int) -> Iterator[bytes]:
    """Without end: one random edit after another, each of the original text."""
    draw = random.Random(seed)
    content = text.encode()
    lines = text.splitlines(keepends=True)
    while True:
        at = draw.randrange(len(content))
        line = draw.randrange(len(lines))
        match draw.randrange(9):
            case 0:
                yield content[:at]
            case 1:
                yield content[:at] + bytes([draw.randrange(256)]) + content[at + 1 :]
            case 2:
                yield content[:at] + draw.randbytes(draw.randrange(1, 40)) + content[at:]
            case 3:
                yield content[:at] + content[at + draw.randrange(1, 200) :]
            case 4:
                yield "".join(lines[:line] + lines[line + 1 :]).encode()
            case 5:
                yield "".join(lines[: line + 1] + lines[line:]).encode()
            case 6:
                other = draw.randrange(len(lines))
                swapped = list(lines)
                swapped[line], swapped[other] = swapped[other], swapped[line]
                yield "".join(swapped).encode()
            case 7:
                yield "".join([*lines[:line], _other_value(lines[line], draw), *lines[line + 1 :]]).encode()
            case _:
                yield text.encode(draw.choice(["utf-16", "utf-32", "cp037"]))


def _other_value(line: str, draw: random.Random) -> str:
    """The line with the value of one of its fields replaced: in JSON anywhere in it, in YAML after the colon."""
    new = draw.choice(VALUES)
    try:
        fields = json.loads(line)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        key, colon, _ = line.partition(":")
        return f"{key}{colon} {new}\n"
    key = draw.choice(sorted(fields))
    fields[key] = "PLACE"
    return json.dumps(fields).replace('"PLACE"', new) + "\n"
