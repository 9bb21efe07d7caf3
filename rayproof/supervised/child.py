"""The process of one policy: it imports the policy, answers what it is asked, and notes what a policy must not do.

Started by `process`; one frame of the pipe is four bytes of length and a pickle. Requests: `load`, `ask` (a call may
ask back for a draw), and `again` (runs of calls whose draws are known, each in its own copy). Replies are outcomes:
`("answer", answer, memory)`, `("choose", options, whether fair)` or `("breach", rule, sentence)`.

What ends the process, or keeps it busy, the parent sees. What is noted here: printing, threads and processes that are
started, sleeping, modules of ours or of Python that are changed, and memory beyond the limit. A policy that set out to
could undo all of this; the threat is mistakes.
"""

from __future__ import annotations

import _thread
import builtins
import datetime
import gc
import io
import os
import pickle
import resource
import sys
import threading
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from importlib.machinery import SourceFileLoader
from types import FunctionType, ModuleType
from typing import Any, NoReturn, TypeVar

from rayproof.errors import InputError
from rayproof.model.kernel import PolicyError
from rayproof.model.scheduler.policy.hooks import LONGEST_MESSAGE, printable, raised_by
from rayproof.model.scheduler.policy.move_hooks import WaitingObject
from rayproof.supervised.limits import Limits
from rayproof.supervised.loading import facts_of, loaded
from rayproof.supervised.questions import Arguments, Payload, Question
from rayproof.supervised.values import answered, opened, sealed

T = TypeVar("T")

clock, getpid = time.perf_counter, os.getpid
"""As they are before the surroundings are moved."""

Outcome = tuple[Any, ...]

PROCESSES = (
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "os.exec",
    "pty.spawn",
    "subprocess.Popen",
)
"""Audited events (`sys.addaudithook`) that start a process, or turn this one into another."""

KILLS = ("os.kill", "os.killpg")
"""Audited events that end processes."""

WATCHED = ("os", "random", "sys", "threading", "time", "math", "json", "copy", "operator", "functools")
"""Modules of Python whose functions and classes must stay what they are; so must those of all our own modules."""

LARGEST_FILE = 64 * 1024 * 1024
"""Bytes that a policy may write to one file: it could print for ever."""

SHOWN = 60
"""Characters shown of what a policy has printed."""

STAYS_PUT = ("HOME", "PATH", "PWD", "TEMP", "TMP", "TMPDIR", "VIRTUAL_ENV")
STAYS_PUT_FROM = ("LD_", "LC_", "PYTHON")
"""Variables of the environment, and beginnings of their names, that libraries may need at any time."""

FAR = 40_000_000.0
"""Seconds by which the clocks of the process that is asked again are ahead."""

TOGETHER = 64
"""Outcomes of calls that are made again, in one reply."""

LONGEST_SILENCE_S = 0.02
"""A reply is sent after so long, whatever is in it: the time of a call is what the parent waits for a reply."""

MOST_OPTIONS, MOST_DRAWS = 10_000, 1_000
"""Of one draw, and draws of one call: each option is a branch of the search, and a call that draws never computes."""

BALLAST = 256
"""Groups of objects that are kept, and replaced one by one, while a policy is asked again."""

STEP = 3_601.7
"""Seconds by which they move on from call to call."""


class _Enough(BaseException):
    """A call that is asked again has come to a draw that is not known."""


class _Watch:
    """What the policy did in the present call that it must not do; the first of it."""

    def __init__(self) -> None:
        self.breach: tuple[str, str] | None = None
        self.active = False
        self.slept_s = 0.0
        self._printed = ""

    def printed(self, text: str) -> None:
        if self.active and len(self._printed) < SHOWN:
            self._printed += text[:SHOWN]

    def note(self, rule: str, what: str) -> None:
        if self.active and self.breach is None:
            self.breach = (rule, what)

    def refuse(self, rule: str, what: str) -> None:
        """Note it and do not let it happen."""
        if self.active:
            self.note(rule, what)
            raise RuntimeError(f"a policy that {what}")

    def begin(self) -> None:
        self.breach, self.slept_s, self._printed, self.active = None, 0.0, "", True

    def end(self) -> tuple[str, str] | None:
        self.active = False
        if self.breach is None and self._printed:
            self.breach = ("prints", f"printed {self._printed[:SHOWN]!r}")
        return self.breach


class _Printed(io.TextIOBase):
    """Standard output and error of a policy."""

    encoding = "utf-8"

    def __init__(self, watch: _Watch) -> None:
        self._watch = watch
        self.buffer = _PrintedBytes(watch)

    def write(self, text: str) -> int:
        self._watch.printed(text)
        return len(text)

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """Whoever closes it has printed nothing yet."""


class _PrintedBytes(io.RawIOBase):
    def __init__(self, watch: _Watch) -> None:
        self._watch = watch

    def write(self, data: Any) -> int:
        self._watch.printed(bytes(data[:SHOWN]).decode(errors="replace"))
        return len(data)

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """As above."""


class _Draws:
    """The draws of one call: those that are known, then, of a live call, those that the parent is asked for."""

    def __init__(self, known: Sequence[int], further: Callable[[int, bool], int] | None) -> None:
        self._known = known
        self._further = further
        self._at = 0
        self.wanted: Outcome | None = None
        """The draw that was not known, of a call that is asked again."""
        self.over = False
        """Whether the call has ended: a policy that kept this may not draw from it."""

    def choose(self, options: Sequence[T], *, random: bool = False) -> T:
        count = len(options)
        if self.over:
            raise RuntimeError("this ctx is that of a call that is over")
        if not count:
            raise ValueError("choose was given no options")
        if count == 1:
            return options[0]
        if count > MOST_OPTIONS:
            raise ValueError(f"choose was given {count:,} options; at most {MOST_OPTIONS:,} can be tried")
        at = self._at
        if at >= MOST_DRAWS:
            raise RuntimeError(f"one call drew more than {MOST_DRAWS:,} times")
        self._at = at + 1
        if at < len(self._known):
            return options[self._known[at]]
        if self._further is None:
            self.wanted = self.wanted or ("choose", count, bool(random))
            raise _Enough
        return options[self._further(count, bool(random))]


class Child:
    """One policy and the pipe to whoever asks it."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._from = os.fdopen(read_fd, "rb")
        self._to = write_fd
        self._watch = _Watch()
        self._arguments = Arguments()
        self._policy: Any = None
        self._who = ""
        self._calls = 0
        self._limits = Limits()
        self._untouched: list[tuple[Mapping[str, Any], str, Any, str]] = []
        self._builtins: dict[str, Any] = {}
        self._ahead_s = 0.0
        self._moves = 0
        self._ballast: list[Any] = [None] * BALLAST

    # ---- the pipe ---------------------------------------------------------------------------------------------------

    def serve(self) -> NoReturn:
        """Until the parent closes the pipe."""
        while True:
            match self._received():
                case ("load", spec, limits, ahead):
                    self._send(self._load(spec, limits, ahead))
                    if ahead:
                        self._move_surroundings()
                    gc.freeze()  # What is loaded stays.
                case ("ask", things, hook, payload, memory, choices):
                    self._arguments.learn(things)
                    self._send(self._call(hook, payload, memory, _Draws(choices, self._asked_back)))
                case ("again", things, questions, runs, alone):
                    self._arguments.learn(things)
                    for run in runs:
                        self._again(questions, run, 1 if alone else TOGETHER)

    def _received(self) -> Any:
        head = self._from.read(4)
        if len(head) < 4:
            os._exit(0)  # The parent is gone, or has no more questions; a policy's own atexit must not run.
        return pickle.loads(self._from.read(int.from_bytes(head, "big")))

    def _send(self, outcome: Outcome) -> None:
        data = pickle.dumps(outcome, 5)
        data = len(data).to_bytes(4, "big") + data
        while data:
            data = data[os.write(self._to, data) :]

    def _asked_back(self, count: int, fair: bool) -> int:
        self._send(("choose", count, fair))
        (index,) = self._received()
        return index  # type: ignore[no-any-return]

    # ---- loading ----------------------------------------------------------------------------------------------------

    def _load(self, spec: str, limits: Limits, ahead: bool) -> Outcome:
        self._limits = limits
        self._arguments.backwards = ahead
        self._guard(ahead)
        self._who = f"policy {printable(spec)}"
        self._watch.begin()
        facts = None
        try:
            self._policy = loaded(spec)
            facts = facts_of(self._policy, spec)
            outcome: Outcome = ("loaded", facts)
        except InputError as error:
            outcome = ("bad", error.path, error.line, error.message, error.expected)
        except MemoryError:
            outcome = self._too_large("when it was loaded")
        except Exception as error:
            what = f"loading it raised {type(error).__name__}: {_said(error)}"
            outcome = ("bad", spec, None, what, "a policy that can be loaded")
        except BaseException as error:
            outcome = ("breach", "no_exception", f"{self._who} raised {_named(error)} when it was loaded")
        self._inspect()
        breach = self._watch.end()
        if breach is not None:
            outcome = ("breach", breach[0], f"{self._who} {breach[1]} when it was loaded")
        if facts is not None:
            self._who = f"policy {facts.name}"
        return outcome

    def _guard(self, ahead: bool) -> None:
        """Put up what notes a breach, before any code of the policy runs."""
        limits, watch = self._limits, self._watch
        for kind, most in (
            (resource.RLIMIT_DATA, limits.memory_mb << 20),
            (resource.RLIMIT_CPU, limits.total_cpu_s),
            (resource.RLIMIT_FSIZE, LARGEST_FILE),
            (resource.RLIMIT_CORE, 0),
        ):
            hard = resource.getrlimit(kind)[1]
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(kind, (most, most))
        sys.stdout = sys.__stdout__ = sys.stderr = sys.__stderr__ = _Printed(watch)  # type: ignore[misc, assignment]

        def audited(event: str, arguments: tuple[Any, ...]) -> None:
            if event in PROCESSES:
                # A library may look at its surroundings while it is imported; copies of this process may not arise.
                if self._policy is not None or event.startswith(("os.fork", "os.exec")):
                    watch.refuse("starts_processes", f"started a process ({event})")
            elif event in KILLS and arguments[1]:
                watch.refuse("exits", f"sent a signal to a process ({event})")

        def no_thread(*arguments: Any, **options: Any) -> NoReturn:
            watch.refuse("starts_threads", "started a thread")
            raise RuntimeError("no thread can be started here")

        sleep = time.sleep

        def short_sleep(seconds: float) -> None:
            watch.slept_s += max(0.0, seconds)
            if watch.slept_s > limits.call_cpu_s:
                watch.refuse("too_slow", f"slept longer than {limits.call_cpu_s:g} s")
            sleep(seconds)

        sys.addaudithook(audited)
        for module in (_thread, threading):
            for name in ("start_new_thread", "_start_new_thread", "start_joinable_thread", "_start_joinable_thread"):
                if hasattr(module, name):
                    setattr(module, name, no_thread)
        time.sleep = short_sleep  # type: ignore[assignment]
        if ahead:
            self._move_clocks()
            for module, name in (
                (os, "getpid"),
                (os, "getppid"),
                (threading, "get_ident"),
                (threading, "get_native_id"),
            ):
                setattr(module, name, self._moved(getattr(module, name), lambda: self._moves))
        self._untouched = [entry for name, module in sorted(sys.modules.items()) for entry in _functions(name, module)]
        self._builtins = dict(vars(builtins))
        execute = SourceFileLoader.exec_module

        def executed(loader: SourceFileLoader, module: ModuleType) -> None:
            execute(loader, module)
            self._untouched += _functions(module.__name__, module)

        SourceFileLoader.exec_module = executed  # type: ignore[method-assign, assignment]

    def _move_clocks(self) -> None:
        """Clocks that are far ahead, and move on from call to call: what depends on them answers otherwise."""
        self._ahead_s = FAR

        for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time", "clock_gettime"):
            setattr(time, name, self._moved(getattr(time, name), lambda: self._ahead_s))
            in_ns = self._moved(getattr(time, f"{name}_ns"), lambda: int(self._ahead_s * 1_000_000_000))
            setattr(time, f"{name}_ns", in_ns)
        for name in ("localtime", "gmtime", "ctime"):
            setattr(time, name, _of_now(getattr(time, name), 0, time.time))
        time.asctime = _of_now(time.asctime, 0, time.localtime)
        time.strftime = _of_now(time.strftime, 1, time.localtime)
        real = datetime.datetime

        class _OfReal(type):
            def __instancecheck__(cls, made: object) -> bool:
                return isinstance(made, real)

        def ahead() -> datetime.timedelta:
            return datetime.timedelta(seconds=self._ahead_s)

        moved_class = _OfReal(
            "datetime",
            (real,),
            {
                "__module__": "datetime",
                "now": classmethod(lambda cls, tz=None: real.now(tz) + ahead()),
                "utcnow": classmethod(lambda cls: real.utcnow() + ahead()),
                "today": classmethod(lambda cls: real.today() + ahead()),
            },
        )
        datetime.datetime = moved_class  # type: ignore[assignment, misc]
        date = datetime.date

        class _OfDate(type):
            def __instancecheck__(cls, made: object) -> bool:
                return isinstance(made, date)

        today = classmethod(lambda cls: date.fromtimestamp(time.time()))
        datetime.date = _OfDate("date", (date,), {"__module__": "datetime", "today": today})  # type: ignore[assignment, misc]

    @staticmethod
    def _moved(function: Callable[..., Any], by: Callable[[], Any]) -> Callable[..., Any]:
        return lambda *arguments: function(*arguments) + by()

    def _move_surroundings(self) -> None:
        """Once the policy is loaded, variables of the environment have other values and stand in another order."""
        for name, value in reversed(list(os.environ.items())):
            if name not in STAYS_PUT and not name.startswith(STAYS_PUT_FROM):
                del os.environ[name]
                os.environ[name] = f"{value}-"

    # ---- calls ------------------------------------------------------------------------------------------------------

    def _call(self, hook: str, payload: Payload, memory: Hashable, draws: _Draws) -> Outcome:
        watch = self._watch
        arguments = self._arguments.of(hook, payload)
        before = opened(memory)
        self._calls += 1
        watch.begin()
        try:
            answer = getattr(self._policy, hook)(*arguments, before, draws)
            outcome = self._outcome(hook, arguments, answer, memory)
        except _Enough:
            outcome = ()
        except MemoryError:
            outcome = self._too_large(self._arguments.about(hook, payload))
        except BaseException as error:
            outcome = self._raised(error, self._arguments.about(hook, payload))
        draws.over = True
        present = builtins.__dict__
        if present != self._builtins:
            # At once: what follows needs them.
            present.clear()
            present.update(self._builtins)
            watch.note("patches", "changed builtins")
        if self._calls & (self._calls - 1) == 0:
            self._inspect()
        self._look_at_output()
        breach = watch.end()
        if breach is not None:
            return "breach", breach[0], f"{self._who} {breach[1]} {self._arguments.about(hook, payload)}"
        # A policy that goes on after it was told that there is no such draw has still asked for it.
        return draws.wanted or outcome

    def _outcome(self, hook: str, arguments: tuple[Any, ...], answer: Any, memory: Hashable) -> Outcome:
        after = memory
        if isinstance(answer, tuple) and len(answer) == 2:
            answer, after = answer
            after = memory if after is memory else sealed(after, self._who)
        if hook == "transfer" and type(answer) is WaitingObject and answer in arguments[0]:
            return "queued", arguments[0].index(answer), after
        return "answer", answered(answer), after

    def _again(self, questions: Sequence[Question], run: Sequence[int], together: int) -> None:
        """Put questions in that order to a copy of this process, which has answered none; say how the copy ended."""
        ends = os.fork()
        if ends == 0:
            try:
                self._send(("forked", getpid()))
                self._put(questions, run, together)
            finally:
                os._exit(0)
        self._send(("over", os.waitpid(ends, 0)[1]))

    def _put(self, questions: Sequence[Question], run: Sequence[int], together: int) -> None:
        """At most so many outcomes in one reply, and a reply now and then."""
        outcomes: list[Outcome] = []
        sent = clock()
        ballast = self._ballast
        for puts, at in enumerate(run):
            hook, payload, memory, _, choices = questions[at]
            self._ahead_s += STEP
            self._moves += 1
            # Objects lie elsewhere each time: what depends on their addresses answers otherwise.
            ballast[puts % BALLAST] = [bytes(puts * prime % 512) for prime in (37, 101, 211)]
            outcomes.append(self._call(hook, payload, memory, _Draws(choices, None)))
            if len(outcomes) >= together or clock() - sent > LONGEST_SILENCE_S:
                self._send(("outcomes", outcomes))
                outcomes, sent = [], clock()
        if outcomes:
            self._send(("outcomes", outcomes))

    def _raised(self, error: BaseException, when: str) -> Outcome:
        if isinstance(error, PolicyError) and error.rule == "memory":
            return "breach", error.rule, f"{error} {when}"
        try:
            raised = raised_by(self._policy, error, when)
            return "breach", raised.rule, str(raised)
        except BaseException:
            return "breach", "no_exception", f"{self._who} raised {type(error).__name__} {when}"

    def _too_large(self, when: str) -> Outcome:
        return "breach", "too_large", f"{self._who} needed more than {self._limits.memory_mb:,} MB {when}"

    def _look_at_output(self) -> None:
        """What went past `sys.stdout`: by `os.write`, or by a library in C."""
        try:
            if os.fstat(1).st_size:
                text = os.pread(1, SHOWN, 0).decode(errors="replace")
                os.ftruncate(1, 0)
                os.lseek(1, 0, os.SEEK_SET)
                self._watch.printed(text)
        except OSError:
            self._watch.note("prints", "closed standard output")

    def _inspect(self) -> None:
        """What need not be looked at after every call: it stays once it is there."""
        for namespace, name, value, where in self._untouched:
            if namespace.get(name) is not value:
                self._watch.note("patches", f"changed {where}.{name}")
        if threading.active_count() > 1:
            self._watch.note("starts_threads", "started a thread")
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                self._watch.note("starts_processes", "started a process")
        except ChildProcessError:
            pass


def _functions(name: str, module: ModuleType) -> list[tuple[Mapping[str, Any], str, Any, str]]:
    """(namespace, name, function or class, where) of a module if it is watched; with the methods of our own classes."""
    found: list[tuple[Mapping[str, Any], str, Any, str]] = []
    ours = name.startswith("rayproof.")
    if not ours and name not in WATCHED:
        return found
    for key, value in list(vars(module).items()):
        if callable(value):
            found.append((vars(module), key, value, name))
        if ours and isinstance(value, type) and value.__module__ == name:
            methods = [(k, v) for k, v in vars(value).items() if isinstance(v, FunctionType | property)]
            found += [(vars(value), k, v, f"{name}.{key}") for k, v in methods]
    return found


def _of_now(function: Callable[..., Any], place: int, now: Callable[[], Any]) -> Callable[..., Any]:
    """A function of the module time whose argument at that place is now where it is left out."""
    return lambda *arguments: function(*arguments) if len(arguments) > place else function(*arguments, now())


def _said(error: BaseException) -> str:
    try:
        return printable(str(error))
    except BaseException:
        return ""


def _named(error: BaseException) -> str:
    said = _said(error)
    return f"{type(error).__name__}({said[:LONGEST_MESSAGE]})" if said else type(error).__name__
