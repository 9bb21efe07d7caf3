"""One strict way to read what comes from outside."""

import os
from io import StringIO
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

from rayproof.console import _Escaping, escaped, json_text
from rayproof.model.documents import MIB, MOST_LEVELS, DocumentError, parse_json, printable, read_text, size_text


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ('{"a": 1,\n "b": 2, "a": 3}', 1, "key 'a' is given twice"),
        ('[1,\n {"x": {"b": 1, "b": 2}}]', 2, "key 'b' is given twice"),
        ("[NaN]", 1, "NaN is not a JSON number"),
        ("[-Infinity]", 1, "-Infinity is not a JSON number"),
        ("[1e999]", 1, "the number 1e999 is too large"),
        ("9" * 5_000, 1, "a whole number of 5000 digits"),
        ('{"n": 100000000000000000000}', 1, "a whole number of 21 digits"),
        ("[" * 100_000, 1, "nested too deeply"),
        ("[" * 500 + "]" * 500, 1, "nested too deeply"),
        ('{"a":' * 101 + "1" + "}" * 101, 1, "nested too deeply"),
        ('["\\ud800"]', 1, r"\ud800 is half of a surrogate pair"),
        ('{"a": {"\\udfff": 1}}', 1, r"\udfff is half of a surrogate pair"),
        ("{\n'a': 1}", 2, "not JSON: Expecting property name"),
        ("[1] 2", 1, "not JSON: Extra data"),
    ],
)
def test_json_that_means_nothing_or_two_things_is_refused(text: str, line: int, found: str) -> None:
    with pytest.raises(DocumentError) as refused:
        parse_json(text)
    assert refused.value.line == line and found in refused.value.found and refused.value.expected


def test_json_that_is_read() -> None:
    deep = "[" * MOST_LEVELS + "]" * MOST_LEVELS
    assert parse_json('["\\ud83d\\ude00", 9223372036854775807, 1e300, "a1234567890123456789012"]') == [
        "😀", 2**63 - 1, 1e300, "a1234567890123456789012",
    ]  # fmt: skip
    assert parse_json(deep) is not None


def test_only_text_in_files_of_a_size_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "bytes").write_bytes(b"ab\n\xff")
    (tmp_path / "large").write_bytes(b"x" * 1025)
    (tmp_path / "loop").symlink_to("loop")
    for name, found in {
        "pipe": "is not a regular file",
        "/dev/zero": "is not a regular file",
        ".": "is a directory",
        "missing": "does not exist",
        "loop": "cannot be read",
        "a\0b": "cannot be read",
        "x" * 300: "cannot be read",
        "empty": "is empty",
        "bytes": "byte 0xff is not UTF-8",
        "large": "is larger than 1 KiB",
    }.items():
        with pytest.raises(DocumentError, match=found):
            read_text(tmp_path / name, 1024, "a text")


@pytest.mark.parametrize(
    ("size", "text"), [(512 * 1024, "512 KiB"), (32 * MIB, "32 MiB"), (1, "0.000976562 KiB"), (MIB + 1024, "1025 KiB")]
)
def test_no_limit_is_zero(size: int, text: str) -> None:
    assert size_text(size) == text


HOSTILE = "a\x1b[2J\x1b]0;owned\x07\x9b31m\u202e\ud800\r\x7f"


def test_nothing_that_is_printed_is_obeyed() -> None:
    assert printable(HOSTILE).isprintable() and "a" in printable(HOSTILE)
    assert escaped(f"one\n{HOSTILE}\n") == f"one\n{printable(HOSTILE)}\n"
    assert json_text({"a": "é"}) == '{\n "a": "é"\n}\n'
    text = json_text({"a": HOSTILE[:-3] + "\x7f"})
    assert escaped(text) == text and parse_json(text) == {"a": HOSTILE[:-3] + "\x7f"}
    out = StringIO()
    console = _Escaping(file=out, width=100)
    table = Table("name", title=HOSTILE)
    table.add_row(Text(HOSTILE))
    for shown in (HOSTILE, Text(HOSTILE), table):
        console.print(shown, markup=False)
    assert escaped(out.getvalue()) == out.getvalue() and "owned" in out.getvalue()
