"""One file for each process, one line for each event, written at once: what a process wrote survives its death.

Times are nanoseconds of the monotonic clock, which all processes of a host share. The first line tells which host and
how far that clock is from the wall clock.
"""

import json
import os
import socket
import sys
import threading
import time

_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode
_MAIN = threading.main_thread().ident


def host() -> str:
    """Processes with the same answer share a monotonic clock: the machine's boot and its time namespace."""
    told = os.environ.get("RAYPROOF_PROBE_HOST")
    if told:
        return told
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot = file.read().strip()
        return boot + ":" + os.readlink("/proc/self/ns/time")
    except OSError:
        return socket.gethostname()


class Writer:
    """Appends events to this process's file in a folder."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.spent_ns = 0
        """Time that this process has spent on writing."""
        self.events = 0
        self._file = -1
        self._pid = 0

    def event(self, event: str, at: int, /, **fields: object) -> None:
        """Write one event that happened at that time."""
        began = time.perf_counter_ns()
        if self._pid != os.getpid():
            self._open()
        fields["e"] = event
        fields["m"] = at
        thread = threading.get_ident()
        if thread != _MAIN:
            fields["th"] = thread
        os.write(self._file, (_encode(fields) + "\n").encode())
        self.events += 1
        self.spent_ns += time.perf_counter_ns() - began

    def _open(self) -> None:
        self._pid = os.getpid()
        os.makedirs(self.folder, exist_ok=True)
        name = f"{socket.gethostname()}-{self._pid}-{time.time_ns()}.raw"
        self._file = os.open(os.path.join(self.folder, name), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o644)
        now, wall = time.monotonic_ns(), time.time_ns()
        first = {"e": "process", "m": now, "wall": wall, "host": host(), "pid": self._pid, "argv": sys.argv[:1]}
        os.write(self._file, (_encode(first) + "\n").encode())
