"""What the documents say is there: every path, every link, every command and option, every named scenario."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any

import pytest
import typer

from rayproof.cli import app
from rayproof.model import kernel
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import CATALOGUE, COMPONENTS
from tests.shared_data import PROJECT

PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").rglob("*.md"))]
FOLDERS = "model|properties|solver|rayproof|tests|docs|examples|benchmarks"
PATH = re.compile(rf"(?<![\w/.$-])((?:{FOLDERS})/[\w./*-]*[\w/*])")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
TYPED = re.compile(r"^\$ (?:\w+=\S+ )*(rayproof .*)$|`(rayproof [^`\n]+)`", re.MULTILINE)
MADE_UP = re.compile(r"[A-Z]{3,}|\.\.\.|[|<>*]|\bmy_|\bmine\b")
"""In an argument: it stands for something of the user's."""


def ids(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_path_and_link_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    paths = {path for path in PATH.findall(text) if not MADE_UP.search(path.replace("*", ""))}
    missing = {path for path in paths if not list(PROJECT.glob(path.rstrip("/")))}
    links = {link for link in LINK.findall(text) if "://" not in link}
    missing |= {link for link in links if not (page.parent / link).exists()}
    assert missing == set()


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_module_that_is_named_without_its_folder_is_somewhere(page: Path) -> None:
    files = {path.as_posix() for folder in FOLDERS.split("|") for path in (PROJECT / folder).rglob("*.py")}
    named = re.findall(r"`([\w/]+\.py)[`:]", page.read_text(encoding="utf-8"))
    theirs = re.compile(r"^(my_|python/|test_my|mine|model\.py)")
    ours = [name for name in named if not MADE_UP.search(name) and not theirs.search(name)]
    assert [name for name in ours if not any(file.endswith(f"/{name}") for file in files)] == []


def commands(text: str) -> Iterator[list[str]]:
    """The command lines of a page, without what redirects or follows them, and without a script's own after `--`."""
    for line in TYPED.findall(text):
        words = shlex.split((line[0] or line[1]).replace(";", " ; "), comments=True)[1:]
        yield list(takewhile(lambda word: word not in (";", "|", ">", "&&", "--"), words))


def unknown_in(words: list[str], known: Any) -> str:
    """What of a command line does not exist; empty when all does."""
    if not words or words[0].startswith("-") or MADE_UP.search(words[0]):
        return ""
    if words[0] not in known:
        return f"command {words[0]}"
    options = {option for param in known[words[0]].params for option in (*param.opts, *param.secondary_opts)}
    options |= {"--help", "-h"}
    for option in (word.partition("=")[0] for word in words[1:] if word.startswith("--")):
        if option not in options and not known[words[0]].__dict__.get("commands"):
            return f"option {option} of {words[0]}"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_command_and_option_exists(page: Path) -> None:
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    found = [unknown_in(words, known) for words in commands(page.read_text(encoding="utf-8"))]
    assert [what for what in found if what] == []


def test_what_is_verified_on_a_page_exists() -> None:
    names = {*CATALOGUE, *COMPONENTS}
    for page in PAGES:
        for words in commands(page.read_text(encoding="utf-8")):
            if words[:1] != ["verify"]:
                continue
            for before, word in pairwise(words):
                if before == "--bug":
                    assert word in BUGS or MADE_UP.search(word) or "examples/" in " ".join(words), word
                elif not before.startswith("--") and not word.startswith("--") and not MADE_UP.search(word):
                    assert word in names or word.partition(":")[0].endswith(".py"), f"{page.name}: {word}"


def test_a_page_says_what_the_kernel_exports() -> None:
    rows = re.findall(r"^\| (`.*?) \|", (PROJECT / "docs/kernel-names.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(kernel.__all__)


SIZE = re.compile(r"^\| `([\w-]+)` \|(?:.*?\|)?? ([\d,]+) \| ([\d,]+) \| (\d+) \|", re.MULTILINE)


def test_sizes_in_tables_are_those_of_the_catalogue() -> None:
    seen = 0
    for page in PAGES:
        for table in re.findall(r"^\|.*\| depth \|.*\n(?:\|.*\n)+", page.read_text(encoding="utf-8"), re.MULTILINE):
            for name, *numbers in SIZE.findall(table):
                seen += 1
                assert CATALOGUE[name].size == tuple(int(number.replace(",", "")) for number in numbers), name
    assert seen > 20


def test_what_is_not_there_is_found(tmp_path: Path) -> None:
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert unknown_in(["verfy", "x"], known) == "command verfy"
    assert unknown_in(["verify", "--bgu", "x"], known) == "option --bgu of verify"
    assert unknown_in(["verify", "--bug", "x"], known) == ""
    assert PATH.findall("see `model/nothing.py`, tests/x/y.py and a/model/b") == ["model/nothing.py", "tests/x/y.py"]
