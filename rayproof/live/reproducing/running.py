"""Running a script some times, each in network and process namespaces of its own, on loopback alone."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rayproof.errors import InputError
from rayproof.live.session import PROJECT
from rayproof.live.stage import REPORT

ENTER = ("unshare", *(() if os.geteuid() == 0 else ("--map-root-user",)), "--net", "--pid", "--fork", "--mount-proc",
         "--kill-child", "sh", "-c", 'ip link set lo up && exec "$@"', "-")  # fmt: skip


def require_namespace() -> None:
    """Raises `InputError` where this system permits no namespaces of one's own."""
    try:
        tried = subprocess.run([*ENTER, "true"], capture_output=True, text=True)
    except OSError as error:
        raise InputError("unshare", None, str(error), "Linux with util-linux and iproute2") from None
    if tried.returncode:
        why = tried.stderr.strip().splitlines()
        raise InputError("unshare", None, why[-1] if why else "failed", "a system that permits namespaces of one's own")


def run_once(script: Path, limit_s: float) -> dict[str, Any]:
    """What the stage of a script reports; with `error` when it has not come to its end."""
    with tempfile.TemporaryDirectory(prefix="rp-") as name:
        folder = Path(name)
        (folder / "token").write_text(secrets.token_hex(16))
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "RAY_TMPDIR": name,
            "RAY_AUTH_TOKEN_PATH": str(folder / "token"),
            "RAY_USAGE_STATS_ENABLED": "0",
            REPORT: str(folder / "report"),
        }
        command = [*ENTER, sys.executable, str(script.resolve())]
        with subprocess.Popen(
            command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as running:
            try:
                _, errors = running.communicate(timeout=limit_s)
            except BaseException as stopped:
                running.kill()
                if not isinstance(stopped, subprocess.TimeoutExpired):
                    raise
                return {"error": f"it did not end in {limit_s:.0f} s"}
        if not (folder / "report").exists():
            said = errors.strip().splitlines()
            return {"error": said[-1] if said else f"it left with {running.returncode}"}
        report: dict[str, Any] = json.loads((folder / "report").read_text())
        return report
