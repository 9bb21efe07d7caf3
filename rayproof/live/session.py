"""Running a script on real Ray with the probe in all of its processes, and the recording that comes of it.

The script runs as `python script.py` would run it: nothing of it is imported here. The probe gets in by way of the
environment (`inject/sitecustomize.py` on PYTHONPATH, which raylets hand on to their workers); workers of a cluster that
runs already are reached by a hook in the job's runtime environment.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from rayproof.errors import InputError
from rayproof.live.merge import merge, write_recording
from rayproof.live.raw import Raw, read_raw
from rayproof.recordings import Recording, read_recording

INJECTED = Path(__file__).resolve().parent / "inject"
PROJECT = Path(__file__).resolve().parents[2]
MIB = 2**20
INSTALL = "pip install 'rayproof[ray]'"


@dataclass(frozen=True)
class NodeRequest:
    """A node of a local cluster."""

    cpus: float
    gpus: float = 0


@dataclass(frozen=True)
class Script:
    """What to run: the words after `python`."""

    words: tuple[str, ...]

    @property
    def name(self) -> str:
        """Stem of the file, or the module."""
        return self.words[1] if self.words[0] == "-m" else Path(self.words[0]).stem


@dataclass(frozen=True)
class Where:
    """On which cluster a script runs."""

    nodes: tuple[NodeRequest, ...] = ()
    """A local cluster is started with these; without any, and without an address, the script starts what it wants."""
    address: str = ""
    store_mib: int = 200
    """Object store of each node that is started here."""


@dataclass(slots=True)
class Ran:
    """A script that has run."""

    script: Script
    exit_code: int
    """As Python's `subprocess` tells it: negative for a signal."""
    raw: Raw
    lost: list[str] = field(default_factory=list)
    interrupted: bool = False

    def lines(self) -> list[dict[str, Any]]:
        """The lines of the recording."""
        return merge(self.raw, self.script.name, exit_code=self.exit_code, lost=self.lost)

    def losses(self) -> list[str]:
        """What the recording does not tell, in sentences."""
        told: list[str] = self.lines()[0]["lost"]
        return told

    def recording(self) -> Recording:
        """The recording, read."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "run.jsonl"
            write_recording(self.lines(), path)
            return read_recording(path)


def parse_nodes(text: str) -> tuple[NodeRequest, ...]:
    """Raises `InputError`.

    >>> parse_nodes("4,2:1")
    (NodeRequest(cpus=4.0, gpus=0.0), NodeRequest(cpus=2.0, gpus=1.0))
    """
    found = []
    for part in text.split(","):
        cpus, _, gpus = part.partition(":")
        try:
            node = NodeRequest(float(cpus), float(gpus or 0))
        except ValueError:
            node = NodeRequest(-1)
        if not (0 <= node.cpus <= 10_000 and 0 <= node.gpus <= 10_000):
            raise InputError(
                "--nodes",
                None,
                f"{part!r} is not a node",
                "CPUs or CPUs:GPUs of each node, with commas: 4,2:1,2",
            )
        found.append(node)
    return tuple(found)


def parse_script(words: Sequence[str]) -> Script:
    """Raises `InputError` unless the words name a file or `-m module`."""
    expected = "a Python script, or -m and a module, with its arguments"
    if not words:
        raise InputError("rayproof", None, "no script was given", expected)
    if words[0] == "-m":
        if len(words) < 2:
            raise InputError("-m", None, "no module was given", expected)
    elif words[0].startswith("-"):
        raise InputError(words[0], None, "no such option", f"{expected}; options of rayproof stand before them")
    elif not Path(words[0]).is_file():
        raise InputError(words[0], None, "no such file", expected)
    return Script(tuple(words))


def probe(module: str) -> ModuleType:
    """A module of the probe, imported as it is in the processes that it records."""
    if str(INJECTED) not in sys.path:
        sys.path.append(str(INJECTED))
    return importlib.import_module(f"rayproof_probe.{module}")


def require_ray() -> None:
    """Raises `InputError` unless this Python has a Ray whose private names are known. Does not import it."""
    internals = probe("internals")
    if importlib.util.find_spec("ray") is None:
        raise InputError("ray", None, "this Python has no Ray", f"{internals.expected()}: {INSTALL}")
    version = importlib.metadata.version("ray")
    if not internals.supported(version):
        raise InputError("ray", None, f"Ray {version} is installed", f"{internals.expected()}: {INSTALL}")


Runner: TypeAlias = Callable[[Script, dict[str, str]], Ran]
"""Runs a script, with further variables in its environment, to its end. Raises `InputError`."""


def run_script(script: Script, where: Where, extra: dict[str, str] | None = None) -> Ran:
    """Run a script once and read what its processes have written. Raises `InputError`."""
    with runner(where, policies=bool(extra)) as run:
        return run(script, extra or {})


@contextmanager
def runner(where: Where, policies: bool = False) -> Iterator[Runner]:
    """Runs scripts one after the other, on one cluster if `where` names one. Raises `InputError`.

    `policies`: workers are told that somebody may decide for them.
    """
    require_ray()
    with _workshop() as folder:
        environment = _environment(folder, where, policies)
        if where.nodes:
            with _local_cluster(where, environment) as address:
                yield partial(_ran, address, environment, folder)
        else:
            yield partial(_ran, where.address, environment, folder)


def _ran(address: str, environment: dict[str, str], folder: Path, script: Script, extra: dict[str, str]) -> Ran:
    for left in (folder / "raw").iterdir():
        # Of an earlier script on this cluster, whose workers are gone.
        left.unlink()
    environment = {**environment, **extra}
    if not extra.get("RAYPROOF_POLICY"):
        environment.pop("RAYPROOF_POLICY", None)
    if address:
        environment.update(RAYPROOF_CLUSTER=address, RAY_ADDRESS=address)
    exit_code, interrupted = _execute([sys.executable, *script.words], environment)
    lost = []
    if not list((folder / "raw").glob("collected-*.json")) and address:
        # The script died without a word: its cluster still knows what happened.
        collecting = probe("collecting")
        try:
            collecting.save(str(folder / "raw"), collecting.settled(address))
        except Exception as error:
            lost.append(f"The cluster could not be asked: {type(error).__name__}.")
    try:
        raw = read_raw(folder / "raw")
    except InputError:
        raise InputError(
            script.words[0],
            None,
            f"nothing was recorded: the script left with exit code {exit_code} before it connected to Ray",
            "a script that uses Ray",
        ) from None
    return Ran(script, exit_code, raw, lost, interrupted)


def _execute(command: list[str], environment: dict[str, str]) -> tuple[int, bool]:
    """Exit code, and whether Ctrl-C came: the script gets it, too, and is given the time to end."""
    running = subprocess.Popen(command, env=environment)
    interrupted = False
    while True:
        try:
            return running.wait(), interrupted
        except KeyboardInterrupt:
            if interrupted:
                running.send_signal(signal.SIGKILL)
            interrupted = True


@contextmanager
def _workshop() -> Iterator[Path]:
    """A folder of this run alone; short, because Ray puts sockets below it."""
    folder = Path(tempfile.mkdtemp(prefix="rayproof-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _environment(folder: Path, where: Where, policies: bool) -> dict[str, str]:
    """The environment of recorded scripts and of the cluster below them."""
    (folder / "raw").mkdir()
    # A policy needs rayproof itself; last, so that nothing of the script's is hidden.
    ours = [str(PROJECT), str(Path.cwd())] if policies else []
    paths = [str(INJECTED), *os.environ.get("PYTHONPATH", "").split(os.pathsep), *ours]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(path for path in paths if path)),
        "RAYPROOF_PROBE_DIR": str(folder / "raw"),
        "RAY_USAGE_STATS_ENABLED": os.environ.get("RAY_USAGE_STATS_ENABLED", "0"),
    }
    if policies:
        environment["RAYPROOF_POLICY"] = "of the driver"
    if where.nodes and "RAY_TMPDIR" not in environment:
        environment["RAY_TMPDIR"] = str(folder)
        (folder / "ray").mkdir()
    if where.address:
        environment["RAYPROOF_SHIP"] = "1"
    return environment


@contextmanager
def _local_cluster(where: Where, environment: dict[str, str]) -> Iterator[str]:
    """A cluster of several raylets on this machine, and its address. Another process keeps it: Ray reads its settings
    from the environment when it is imported, and keeps one cluster in mind for each process."""
    sizes = ",".join(f"{node.cpus:g}:{node.gpus:g}" for node in where.nodes)
    keeper = subprocess.Popen(
        [sys.executable, "-m", "rayproof.live.keeper", sizes, str(where.store_mib * MIB)],
        env={**environment, "PYTHONPATH": os.pathsep.join([environment["PYTHONPATH"], str(PROJECT)])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # Ctrl-C ends the script, not the cluster under it.
        start_new_session=True,
    )
    assert keeper.stdin is not None and keeper.stdout is not None
    try:
        address = ""
        for line in keeper.stdout:
            if line.startswith("address "):
                address = line.split()[1]
                break
        if not address:
            raise InputError("--nodes", None, "the local cluster did not start", "room for so many nodes here")
        yield address
    finally:
        keeper.stdin.close()
        try:
            keeper.wait(timeout=60)
        except subprocess.TimeoutExpired:
            keeper.kill()
            keeper.wait()


def save(ran: Ran, path: Path) -> None:
    """Write the recording; raises `InputError` when the file cannot be written."""
    try:
        write_recording(ran.lines(), path)
    except OSError as error:
        raise InputError(path, None, error.strerror or str(error), "a file that can be written") from None
