"""Whatever a user's own folder holds, everything works in it: from a checkout, and from an installed wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import rayproof
from tests.shared_data import EXAMPLES, PROJECT

PROTOCOL = '''"""A token that goes round."""

from dataclasses import dataclass

from rayproof import Context, Message, Process, Scenario, Unhandled, always, explore


@dataclass(frozen=True, slots=True)
class Token(Message):
    """The right to speak."""


@dataclass(slots=True)
class Speaker(Process):
    """Passes the token on."""

    next: str
    speaks: bool = False

    def start(self, ctx: Context) -> None:
        if self.speaks:
            ctx.send(self.next, Token())
            self.speaks = False

    def receive(self, ctx: Context, sender: str, message: Message) -> None:
        match message:
            case Token():
                self.speaks = True
            case _:
                raise Unhandled(message)


@always(Speaker, source="nowhere")
def one_speaks(view):
    """At most one speaks."""
    speakers = [name for name, speaker in view.of(Speaker).items() if speaker.speaks]
    return speakers if len(speakers) > 1 else None


TOKEN = Scenario("token", "mine", {"a": lambda: Speaker("b", True), "b": lambda: Speaker("a")}, (one_speaks,))

if __name__ == "__main__":
    result = explore(TOKEN)
    print(result.verdict, result.states, "states")
'''

PROBE = '''"""Says at the end of a session which files of rayproof were loaded under two names."""

import sys
from pathlib import Path


def pytest_sessionfinish(session):
    files = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and ("rayproof" in Path(file).parts or "properties" in Path(file).resolve().parts):
            files.setdefault(Path(file).resolve(), []).append(name)
    assert len(files) > 50
    print("twice:", sorted(names for names in files.values() if len(names) > 1))
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose modules are called as ours are, and must never be imported."""
    here = tmp_path / "stranger"
    (here / "tests").mkdir(parents=True)
    for name in ("model", "solver", "properties", "catalogue", "entry", "coverage", "tests/__init__", "tests/test_own"):
        (here / f"{name}.py").write_text("raise RuntimeError('a stranger was imported')\n", encoding="utf-8")
    text = (EXAMPLES / "policies" / "least_queue.py").read_text(encoding="utf-8")
    (here / "mine.py").write_text(text, encoding="utf-8")
    (here / "protocol.py").write_text(PROTOCOL, encoding="utf-8")
    (here / "probe.py").write_text(PROBE, encoding="utf-8")
    return here


def run(folder: Path, installed: Path, *arguments: str) -> str:
    """What a Python command prints in a folder, with rayproof from where it is installed; it must succeed."""
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONSAFEPATH": ""}
    command = [sys.executable, *arguments]
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert ran.returncode == 0, f"{arguments}: {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def check_everything(folder: Path, installed: Path, properties: Path) -> None:
    """What the first hour of a user consists of."""
    where = run(folder, installed, "-c", "import rayproof.properties.catalogue as it; print(it.__file__)").strip()
    assert Path(where).is_relative_to(installed)
    recording = str(EXAMPLES / "recordings" / "29_policy_default.jsonl")
    assert "verdict: holds" in run(folder, installed, "-m", "rayproof", "check", "mine.py", "--workload", recording)
    run(folder, installed, "-m", "rayproof", "new-policy", "idea")
    assert "1 passed" in run(folder, installed, "-m", "pytest", "-q", "test_idea.py", "-k", "cluster-wide")
    assert run(folder, installed, "protocol.py") == "holds 2 states\n"
    assert "token  holds  2 states" in run(folder, installed, "-m", "rayproof", "verify", "protocol.py")
    suite = ("-m", "pytest", "-p", "no:cacheprovider", "-p", "probe", str(properties), "--rayproof-policy", "mine.py")
    said = run(folder, installed, *suite, "-k", "test_exhausted and cluster-wide")
    assert "1 passed" in said and "cases in which mine.py takes part" in said and "twice: []" in said


def test_from_a_checkout(folder: Path) -> None:
    check_everything(folder, PROJECT, PROJECT / "properties")


@pytest.mark.slow
def test_from_a_wheel(folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    left_out = shutil.ignore_patterns(".*", "build", "*.egg-info", "rayproof-out", "__pycache__")
    shutil.copytree(PROJECT, source, symlinks=True, ignore=left_out)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(source)]
    built = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    if built.returncode and ("No matching distribution" in built.stderr or "No module named pip" in built.stderr):
        pytest.skip("pip cannot fetch what builds a wheel here")
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("rayproof-*.whl")
    installed = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    assert {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")} == {"rayproof"}
    check_everything(folder, installed, installed / "rayproof" / "properties")


def test_no_file_is_loaded_under_two_names() -> None:
    """In one process that imports all there is, tests included."""
    script = (
        "import importlib, pkgutil, sys\n"
        "from pathlib import Path\n"
        "import rayproof\n"
        "for module in pkgutil.walk_packages(rayproof.__path__, 'rayproof.'):\n"
        "    if '.test_' not in module.name and not module.name.endswith(('__main__', 'conftest')):\n"
        "        importlib.import_module(module.name)\n"
        "files = {}\n"
        "for name, module in list(sys.modules.items()):\n"
        "    file = getattr(module, '__file__', None)\n"
        "    if file and name.partition('.')[0] in ('rayproof', 'model', 'properties', 'solver'):\n"
        "        files.setdefault(Path(file).resolve(), []).append(name)\n"
        "assert len(files) > 250, len(files)\n"
        "print(sorted(names for names in files.values() if len(names) > 1))\n"
    )
    assert run(PROJECT, PROJECT, "-c", script) == "[]\n"


def test_what_is_promised_can_be_imported() -> None:
    for name in rayproof.__all__:
        assert getattr(rayproof, name) is not None or name == "WAIT"
    assert set(rayproof.__all__) < set(dir(rayproof))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        rayproof.nothing  # noqa: B018
