"""The process of a policy as the parent has it: started, timed, and ended when it breaks a limit; never left behind.

Time is the CPU time of the child, so that a busy machine does not decide about a policy; the wall clock ends only a
call that stands still. The child has a session of its own: Ctrl-C goes to the parent alone, which ends the child.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

from rayproof.errors import InputError
from rayproof.model.kernel import PolicyError
from rayproof.model.scheduler.policy.hooks import printable
from rayproof.model.scheduler.policy.move_hooks import MoveActor
from rayproof.model.scheduler.policy.queue_hooks import Backoff, GiveUp
from rayproof.supervised.limits import Limits
from rayproof.supervised.loading import Facts
from rayproof.supervised.questions import Numbers, Thing
from rayproof.supervised.values import Foreign, Sealed

SLICE_S = 0.2
"""How often a child that does not answer is looked at."""

STARVED = 20
"""A child that only waits for a processor may stand still so many times longer."""

LARGEST = 64 * 1024 * 1024
"""Bytes of one reply."""

PLAIN = {kind.__name__: kind for kind in (Facts, Foreign, Sealed, Backoff, GiveUp, MoveActor)}
"""The only classes that a reply may be made of, beside the plain types of Python."""

START = "import sys; sys.path[:] = {path!r}; from rayproof.supervised.start import start; start({read}, {write})"


class _Plain(pickle.Unpickler):
    """A reply is data: nothing that it names is imported."""

    def find_class(self, module: str, name: str) -> Any:
        if name not in PLAIN or PLAIN[name].__module__ != module:
            raise pickle.UnpicklingError(f"{module}.{name} is no part of a reply")
        return PLAIN[name]


class Process:
    """One child. `hash_seed` fixes its order of sets; with `ahead` its clocks are far in the future."""

    def __init__(self, spec: str, limits: Limits, *, hash_seed: int, ahead: bool = False) -> None:
        self._spec = spec
        self._limits = limits
        self._hash_seed = hash_seed
        self._ahead = ahead
        self._running: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._pipe: _Pipe
        self._who = f"policy {printable(spec)}"
        self.facts: Facts | None = None
        """What it was when it was loaded before; it must be so again."""
        self._read = bytearray()
        self._learnt = 0
        self._copy: int | None = None
        """The copy of the child that is at work, while one is."""
        self._end: weakref.finalize[Any, Any] | None = None

    def load(self) -> Facts:
        """Start it, unless it runs, and load the policy; raises `InputError` and `PolicyError`."""
        pipe = _Pipe()
        with tempfile.TemporaryFile() as output:
            start = START.format(path=sys.path, read=pipe.their_read, write=pipe.their_write)
            running = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-c", start],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(pipe.their_read, pipe.their_write),
                env={**os.environ, "PYTHONHASHSEED": str(self._hash_seed)},
                start_new_session=True,
            )
        os.close(pipe.their_write)
        self._running, self._pipe, self._owner = running, pipe, os.getpid()
        self._read.clear()
        self._learnt, self._copy = 0, None
        self._end = weakref.finalize(self, _ended, running, pipe, self._owner)
        self.send(("load", self._spec, self._limits, self._ahead))
        match self.receive(lambda: "when it was loaded", self._limits.load_cpu_s):
            case ("loaded", facts):
                self._who = f"policy {facts.name}"
                if self.facts not in (None, facts):
                    self.stop()
                    what = "has another name, memory, locality or other hooks each time it is loaded"
                    raise PolicyError("deterministic", f"{self._who} {what}")
                self.facts = facts
                return facts  # type: ignore[no-any-return]
            case ("bad", path, line, message, expected):
                self.stop()
                raise InputError(path, line, message, expected)
            case (_, rule, sentence):
                self.stop()
                raise PolicyError(rule, sentence)
            case reply:
                raise AssertionError(f"no reply to a load: {reply!r}")

    def stop(self) -> None:
        """End it; the next question starts another."""
        if self._end is not None:
            self._end()
        self._running = self._end = None

    @property
    def runs(self) -> bool:
        """Whether there is a child, and it may be asked from here."""
        return self._running is not None and self._owner == os.getpid()

    def unlearnt(self, numbers: Numbers) -> Sequence[Thing]:
        """What the child, which runs after this, has not been told yet of the numbers."""
        if not self.runs:
            self.load()
        new = numbers.things[self._learnt :]
        self._learnt = len(numbers.things)
        return new

    def send(self, request: tuple[Any, ...]) -> None:
        """Send a request; a child that is gone is noticed by the answer that it does not give."""
        assert self._running is not None
        data = pickle.dumps(request, 5)
        data = len(data).to_bytes(4, "big") + data
        while data:
            try:
                data = data[os.write(self._pipe.write, data) :]
            except BlockingIOError:
                select.select([], [self._pipe.write], [], SLICE_S)
                if self._running.poll() is not None:
                    return

    def receive(self, when: Callable[[], str], cpu_s: float) -> tuple[Any, ...]:
        """The next reply; a `breach` when the child is gone or has used more than `cpu_s` seconds for it.

        `("over",)`: a copy of the child that was asked again has ended as it should.
        """
        read, pipe = self._read, self._pipe
        begun = time.monotonic()
        used_before: float | None = None
        while True:
            if len(read) >= 4:
                end = 4 + int.from_bytes(read[:4], "big")
                if end > LARGEST:
                    return self._breach("too_large", f"answered with more than {LARGEST >> 20} MiB", when)
                if len(read) >= end:
                    frame = bytes(read[4:end])
                    del read[:end]
                    reply = self._opened(frame, when)
                    if reply[0] == "forked":
                        self._copy, used_before = reply[1], None
                        continue
                    return self._over(reply[1], when) if reply[0] == "over" else reply
            if pipe.poll.poll(SLICE_S * 1000):
                data = os.read(pipe.read, 1 << 16)
                if not data:
                    return self._gone(when)
                read += data
                continue
            used, busy = self._usage()
            if used_before is None:
                used_before = used
            elif used - used_before > cpu_s:
                return self._breach("too_slow", f"computed longer than {cpu_s:g} s", when)
            idle = time.monotonic() - begun
            if idle > self._limits.idle_s * (STARVED if busy else 1):
                return self._breach("too_slow", f"neither computed nor answered for {self._limits.idle_s:g} s", when)

    def _opened(self, frame: bytes, when: Callable[[], str]) -> tuple[Any, ...]:
        try:
            reply = _Plain(BytesIO(frame)).load()
        except Exception:
            reply = None
        if isinstance(reply, tuple) and reply:
            return reply
        return self._breach("exits", "wrote to the pipe of its process", when)

    def _usage(self) -> tuple[float, bool]:
        """CPU seconds used so far, and whether it runs or waits for a processor; (0, False) where nobody says."""
        assert self._running is not None
        try:
            stat = Path(f"/proc/{self._copy or self._running.pid}/stat")
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0, False
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), fields[0] in ("R", "D")

    def _gone(self, when: Callable[[], str]) -> tuple[Any, ...]:
        assert self._running is not None
        return self._breach(*self._how(self._running.wait()), when)

    def _over(self, status: int, when: Callable[[], str]) -> tuple[Any, ...]:
        """A copy of the child has ended; the child itself goes on."""
        self._copy = None
        code = os.waitstatus_to_exitcode(status)
        if not code:
            return ("over",)
        rule, what = self._how(code)
        return "breach", rule, f"{self._who} {what} {when()}"

    def _how(self, code: int) -> tuple[str, str]:
        """The rule that an end of the process breaks, and how it ended."""
        if code == -signal.SIGXCPU:
            return "too_slow", f"computed longer than {self._limits.total_cpu_s:,} s altogether"
        how = f"code {code}" if code >= 0 else signal.Signals(-code).name
        return "exits", f"ended its process ({how})"

    def _breach(self, rule: str, what: str, when: Callable[[], str]) -> tuple[Any, ...]:
        self.stop()
        return "breach", rule, f"{self._who} {what} {when()}"


class _Pipe:
    """Two pipes. The end that the child reads stays open here: writing to a child that is gone sends no SIGPIPE."""

    def __init__(self) -> None:
        self.their_read, self.write = os.pipe()
        self.read, self.their_write = os.pipe()
        os.set_blocking(self.write, False)
        self.poll = select.poll()
        self.poll.register(self.read, select.POLLIN)


def _ended(running: subprocess.Popen[bytes], pipe: _Pipe, owner: int) -> None:
    """Close the pipe and end the child with all that it has started; in a copy of the parent only the pipe."""
    for end in (pipe.their_read, pipe.write, pipe.read):
        os.close(end)
    if owner == os.getpid():
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()
