"""The end of a session: what Ray kept of it, and the files of other hosts, brought to the driver's folder."""

import json
import os
import socket
import time
from typing import Any

from rayproof_probe import internals
from rayproof_probe.acts import MUTED, SETTLE_S, now
from rayproof_probe.writer import Writer, host

PINGS = 8
"""Requests to each other host, whose shortest round trip bounds the difference of the clocks."""


def collect(writer: Writer) -> None:
    """Write `collected-*.json` and the files of other hosts into the writer's folder. Raises what Ray raises."""
    import ray

    job = ray.get_runtime_context().get_job_id()
    collected = settled()
    here = {node["address"] for node in collected["nodes"] if node["node"] == ray.get_runtime_context().get_node_id()}
    lost = [node["node"] for node in collected["nodes"] if node["address"] not in here and not fetch(writer, node)]
    collected.update(job=job, host=host(), wall_minus_mono=time.time_ns() - now(), lost=lost)
    save(writer.folder, collected)


def save(folder: str, collected: Any) -> None:
    """Leave a collection beside the files of the processes."""
    path = os.path.join(folder, f"collected-{socket.gethostname()}-{os.getpid()}-{time.time_ns()}.json")
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(collected, file)
    os.replace(path + ".part", path)


def settled(address: str = "") -> Any:
    """What the GCS knows once nothing new comes: processes report once a second."""
    until = time.monotonic() + SETTLE_S
    time.sleep(1.2)
    last = internals.collect(address)
    while time.monotonic() < until:
        time.sleep(0.4)
        found = internals.collect(address)
        if internals.finished_tasks(found) == internals.finished_tasks(last):
            return found
        last = found
    return last


def fetch(writer: Writer, node: Any) -> bool:
    """Files of the processes of a node, with pairs of moments that tell its clock; False when it does not answer."""
    import ray

    if not node["alive"]:
        return False
    folder = writer.folder
    carrier = ray.remote(num_cpus=0, max_retries=0)(_carried).options(
        name=MUTED, scheduling_strategy=internals.affinity(node["node"], soft=False)
    )
    try:
        ray.get(carrier.remote(None), timeout=60)
        for _ in range(PINGS):
            sent = now()
            there, _, _ = ray.get(carrier.remote(None), timeout=60)
            writer.event("ping", sent, host=there["host"], received=there["m"], replied=there["m"], back=now())
        _, _, files = ray.get(carrier.remote(folder), timeout=600)
    except Exception:
        return False
    for name, text in files:
        with open(os.path.join(folder, os.path.basename(name)), "wb") as file:
            file.write(text)
    return True


def _carried(folder: Any) -> Any:
    """Runs on another host: its clock, and the files that lie there."""
    import os
    import time

    from rayproof_probe.writer import host

    there = {"host": host(), "m": time.monotonic_ns()}
    files = []
    if folder is not None and os.path.isdir(folder):
        for name in sorted(os.listdir(folder)):
            if name.endswith(".raw"):
                with open(os.path.join(folder, name), "rb") as file:
                    files.append((name, file.read()))
    return there, None, files


_carried.__name__ = _carried.__qualname__ = MUTED + "_carried"
