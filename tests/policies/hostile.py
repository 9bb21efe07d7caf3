"""Policies that go wrong in every way that we could think of: a few lines each, and the rule that each breaks.

Each is otherwise sound: the first option with room. `HOLDS` marks what looks odd and is allowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent, indent

HOLDS = "holds"
REFUSED = "refused"
"""Bad input, exit code 2: it is no policy at all."""

SCOPES = {
    "place": "sched-spread",
    "order": "sched-classes",
    "retry": "sched-booting",
    "migrate": "migration",
    "transfer": "transfer-urgent",
}
"""Hook -> the tiny scope on which it is tried."""

SIMULATION = "simulation"
"""Where the policy goes wrong on large views alone: the first of the example recordings, on four nodes."""


@dataclass(frozen=True)
class Hostile:
    """One policy."""

    name: str
    rule: str
    text: str
    where: str = "place"
    """A hook, or `SIMULATION`."""


def _hook(hook: str, arguments: str, body: str, usual: str, head: str, members: str) -> str:
    return "\n".join(
        [
            dedent(head),
            "class P:",
            '    name = "p"',
            indent(dedent(members), "    "),
            f"    def {hook}(self, {arguments}, memory, ctx):",
            indent(dedent(body), "        "),
            f"        return {usual}",
            "",
        ]
    )


def place(name: str, rule: str, body: str = "", head: str = "", members: str = "", where: str = "place") -> Hostile:
    """A policy that places; `body` runs first in each call."""
    usual = "next((n.name for n in view.options if n.fits_now(task.demand)), None)"
    return Hostile(name, rule, _hook("place", "task, view", body, usual, head, members), where)


def order(name: str, rule: str, body: str, head: str = "", members: str = "") -> Hostile:
    """A policy for the queue of a node."""
    return Hostile(name, rule, _hook("order", "queue, view", body, "queue[0].id", head, members), "order")


def other(hook: str, arguments: str, name: str, rule: str, body: str, usual: str = "None", head: str = "") -> Hostile:
    """A policy with one of the other hooks."""
    return Hostile(name, rule, _hook(hook, arguments, body, usual, head, ""), hook)


SMALL = (
    place("endless loop", "too_slow", "while True: pass"),
    place("sleeps", "too_slow", "time.sleep(3_000)", "import time"),
    place("os._exit", "exits", "os._exit(0)", "import os"),
    place("exits in its constructor", "no_exception", "", "import sys", "def __init__(self): sys.exit(0)"),
    place("a thread", "starts_threads", "threading.Thread(target=print).start()", "import threading"),
    place("a leak", "too_large", "kept.append(bytearray(1 << 27))", "kept = []"),
    place("prints", "prints", "print('placing', task.id)"),
    place("patches random", "patches", "random.random = lambda: 0.5", "import random"),
    place("cache in the module", "deterministic", "seen.add(task.id)\nif len(seen) > 2: return None", "seen = set()"),
    place("interrupts", "no_exception", "raise KeyboardInterrupt"),
)
"""One of each kind: in every run of the tests."""

LARGE = (
    # ---- time ------------------------------------------------------------------------------------------------------
    place("loop at import", "too_slow", "", "while True: pass"),
    place("loop in the constructor", "too_slow", "", "", "def __init__(self):\n    while True: pass"),
    Hostile(
        "loop in name",
        "too_slow",
        "class P:\n  @property\n  def name(self):\n    while True: pass\n  def place(self, *a): return None\n",
    ),
    place("loop in C", "too_slow", "return sum(range(10 ** 12))"),
    place("exponential expression", "too_slow", "import re; re.match('(a+)+$', 'a' * 60 + 'b')"),
    place("a lock taken twice", "too_slow", "lock.acquire()", "import threading\nlock = threading.Lock()"),
    place("many short sleeps", "too_slow", "while True: time.sleep(0.01)", "import time"),
    place(
        "swallows everything in a loop",
        "too_slow",
        "while True:\n    try: time.sleep(9)\n    except: pass",
        "import time",
    ),
    place(
        "infinite repr in its error",
        "too_slow",
        "raise ValueError(R())",
        "class R:\n  def __repr__(self):\n    while 1: pass",
    ),
    place("loop on views of more than three nodes", "too_slow", "while len(view.nodes) > 3: pass", where=SIMULATION),
    order("loop in order", "too_slow", "while True: pass"),
    place("waits for input that never ends", "too_slow", "os.read(os.pipe()[0], 1)", "import os"),
    # ---- leaving ---------------------------------------------------------------------------------------------------
    place("exits at import", "no_exception", "", "import sys; sys.exit(0)"),
    place("os._exit at import", "exits", "", "import os; os._exit(0)"),
    place("interrupts at import", "no_exception", "", "raise KeyboardInterrupt"),
    place("exits", "no_exception", "import sys; sys.exit(0)"),
    place("a base exception", "no_exception", "raise B", "class B(BaseException): pass"),
    place("generator exit", "no_exception", "raise GeneratorExit"),
    place("kills itself", "exits", "os.kill(os.getpid(), 9)", "import os"),
    place("aborts", "exits", "os.abort()", "import os"),
    place("an alarm", "exits", "signal.setitimer(signal.ITIMER_REAL, 0.01)\nwhile True: pass", "import signal"),
    place(
        "os._exit after many calls",
        "exits",
        "n.append(1)\nif len(n) > 9: os._exit(0)",
        "import os\nn = []",
        where=SIMULATION,
    ),
    place("exits in a property", "no_exception", "self.much", "", "@property\ndef much(self): raise SystemExit(0)"),
    Hostile(
        "exits in a property that is a hook",
        "no_exception",
        "class P:\n    @property\n    def place(self): raise SystemExit(0)\n",
    ),
    order("exits in order", "no_exception", "raise SystemExit(0)"),
    place("exec of another program", "starts_processes", "os.execv('/bin/true', ['true'])", "import os"),
    place("hides that it exits", "starts_processes", "try: os.system('true')\nexcept BaseException: pass", "import os"),
    # ---- recursion and memory --------------------------------------------------------------------------------------
    place("recursion", "no_exception", "return self.place(task, view, memory, ctx)"),
    place(
        "recursion without a limit",
        "exits",
        "deep()",
        "import sys, json\nsys.setrecursionlimit(10 ** 9)\n"
        "class D(dict):\n  def __missing__(self, k): return self[k]\ndef deep(): D()['x']",
    ),
    place("one large allocation", "too_large", "return 'x' * (1 << 40)"),
    place(
        "hides that it lacks memory",
        "too_large",
        "try: kept.append('x' * (1 << 30))\nexcept MemoryError: raise",
        "kept = []",
    ),
    place(
        "grows in the simulation",
        "too_large",
        "if len(view.nodes) > 3: kept.append(bytearray(1 << 26))",
        "kept = []",
        where=SIMULATION,
    ),
    # ---- threads, processes, output --------------------------------------------------------------------------------
    place(
        "a pool of threads", "starts_threads", "f.ThreadPoolExecutor(1).submit(int)", "import concurrent.futures as f"
    ),
    place("a thread at import", "starts_threads", "", "import threading\nthreading.Thread(target=int).start()"),
    place("a fork", "starts_processes", "os.fork()", "import os"),
    place("a fork at import", "starts_processes", "", "import os; os.fork()"),
    place("multiprocessing", "starts_processes", "m.Process(target=int).start()", "import multiprocessing as m"),
    place("a subprocess", "starts_processes", "s.run(['true'])", "import subprocess as s"),
    place("prints at import", "prints", "", "print('hello')"),
    place("prints to standard error", "prints", "print('x', file=sys.stderr)", "import sys"),
    place("prints past Python", "prints", "os.write(1, b'x')", "import os"),
    place("prints json", "prints", 'print(\'{"verdict": "holds"}\')'),
    place("a traceback", "prints", "try: 1 / 0\nexcept ZeroDivisionError: traceback.print_exc()", "import traceback"),
    place("closes standard output", "prints", "os.close(1)", "import os"),
    place("prints on large views", "prints", "if len(view.nodes) > 3: print(len(view.nodes))", where=SIMULATION),
    # ---- patches ---------------------------------------------------------------------------------------------------
    place(
        "patches a view",
        "patches",
        "",
        "from rayproof.model.scheduler import hooks\nhooks.NodeView.fits_now = lambda s, d: True",
    ),
    place("patches the kernel", "patches", "", "from rayproof.model.kernel import explore\nexplore.explore = None"),
    place("patches time", "patches", "time.time = lambda: 0", "import time"),
    place("patches a builtin", "patches", "builtins.len = lambda x: 1", "import builtins"),
    # ---- answers ---------------------------------------------------------------------------------------------------
    place("a generator", "answer_type", "yield view.options[0].name"),
    place("a coroutine", "answer_type", "async def a(): return 1\nreturn a()"),
    place(
        "a subclass of str",
        "answer_type",
        "return S(view.options[0].name)",
        "class S(str):\n  def __eq__(s, o): raise SystemExit(0)\n  __hash__ = str.__hash__",
    ),
    place(
        "an answer with an eq that exits",
        "answer_type",
        "return A()",
        "class A:\n  def __eq__(s, o): raise SystemExit(0)",
    ),
    place("a huge string", "legal_answer", "return 'x' * 10 ** 7"),
    place("terminal escapes", "legal_answer", "return '\\x1b[2J\\x1b]0;x\\x07'"),
    place("a name with escapes", "legal_answer", "return 'y'", "", "name = '\\x1b[31mred'"),
    place("a number", "answer_type", "return 10 ** 10000"),
    order("an order of another", "legal_answer", "return queue[0]"),
    order("sorts the queue", HOLDS, "queue.sort(key=lambda t: t.id)"),
    other(
        "retry",
        "task, attempt, view",
        "a negative pause",
        "legal_answer",
        "return Backoff(-1)",
        head="from rayproof.model.scheduler.policy.queue_hooks import Backoff",
    ),
    other(
        "retry",
        "task, attempt, view",
        "a pause in words",
        "answer_type",
        "return Backoff('soon')",
        head="from rayproof.model.scheduler.policy.queue_hooks import Backoff",
    ),
    other(
        "migrate",
        "request, view",
        "a move of numbers",
        "answer_type",
        "return MoveActor(1, 2)",
        head="from rayproof.model.scheduler.policy.move_hooks import MoveActor",
    ),
    other(
        "transfer",
        "queue, view",
        "an object of its own",
        "legal_answer",
        "return dataclasses.replace(queue[0], sent=9)",
        head="import dataclasses",
    ),
    # ---- what it is shown ------------------------------------------------------------------------------------------
    place("writes to its view", "no_exception", "view.nodes[0].available['CPU'] = 0"),
    place("writes to a frozen view", "no_exception", "view.options = ()"),
    place("sorts the nodes", "no_exception", "view.nodes.sort()"),
    place("draws from nothing", "no_exception", "ctx.choose([])"),
    place("draws and swallows what it was told", HOLDS, "try: ctx.choose([1, 2], random=True)\nexcept Exception: pass"),
    # ---- memory ----------------------------------------------------------------------------------------------------
    place("nan as memory", "memory", "return None, float('nan')"),
    place("a list as memory", "memory", "return None, []"),
    place("an object as memory", "memory", "return None, M()", "class M: pass"),
    place(
        "a memory whose hash exits",
        "no_exception",
        "return None, M()",
        "class M:\n  def __hash__(s): raise SystemExit(0)",
    ),
    place(
        "a memory unlike itself",
        "memory",
        "return None, M()",
        "import dataclasses\n@dataclasses.dataclass(frozen=True, eq=False)\nclass M:\n"
        "  def __eq__(s, o): return False\n  def __hash__(s): return 1",
    ),
    place("an endless memory", "memory", "m = ()\nfor _ in range(10 ** 5): m = (m,)\nreturn None, m"),
    place(
        "a memory that is changed later",
        "memory",
        "memory = memory if memory else M()\nmemory.n += 1\nreturn None, memory",
        "class M:\n  n = 0\n  def __hash__(s): return 1",
    ),
    place(
        "an enum as memory",
        HOLDS,
        "memory = E.b",
        "import enum\nclass E(enum.Enum):\n  a = 1\n  b = 2",
        "memory = (0.5, b'x', frozenset({1}))",
    ),
    # ---- hidden state ----------------------------------------------------------------------------------------------
    place("counts its calls", "deterministic", "self.n += 1\nif self.n % 5 == 0: return None", "", "n = 0"),
    place("the clock", "deterministic", "if int(time.time()) % 2: return None", "import time"),
    place(
        "the date", "deterministic", "if datetime.now().microsecond % 2: return None", "from datetime import datetime"
    ),
    place("addresses", "deterministic", "if (id(view) >> 6) % 2: return None"),
    place("hash of a string", "deterministic", "if hash(task.id) % 2: return None"),
    place("the order of a set", "deterministic", "return next(iter({n.name for n in view.options}))"),
    place("random now and then", "deterministic", "if random.random() < 0.2: return None", "import random"),
    place(
        "random on large views",
        "deterministic",
        "if len(view.nodes) > 3: return random.choice([n.name for n in view.options])",
        "import random",
        where=SIMULATION,
    ),
    place("random memory", "deterministic", "", "import random", "memory = random.random()"),
    place("a seed of its own", HOLDS, "random.seed(7)\nrandom.random()", "import random"),
    order("random order", "deterministic", "return random.choice(queue).id", "import random"),
    # ---- no policies -----------------------------------------------------------------------------------------------
    place("raises at import", REFUSED, "", "1 / 0"),
    place("no Python", REFUSED, "", "def ("),
    # ---- allowed ---------------------------------------------------------------------------------------------------
    place(
        "handlers and atexit",
        HOLDS,
        "",
        "import atexit, signal, sys\natexit.register(print)\nsys.setrecursionlimit(5000)\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    ),
    place("slow, but not too slow", HOLDS, "sum(range(10 ** 5))"),
)
