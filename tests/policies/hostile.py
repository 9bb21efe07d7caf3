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
    place(
        "sticks to its first answer",
        "deterministic",
        "kept.append(next((n.name for n in view.options if n.fits_now(task.demand)), None))\n"
        "if kept[0] in [n.name for n in view.options]: return kept[0]",
        "kept = []",
    ),
    place("the number of its process", "deterministic", "if os.getpid() % 2: return None", "import os"),
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
        "from rayproof.model.scheduler.policy import hooks\nhooks.NodeView.fits_now = lambda s, d: True",
    ),
    place(
        "patches the kernel",
        "patches",
        "",
        "from rayproof.model.kernel.language import context\ncontext.Context.choose = None",
    ),
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
    # ---- state that no short run shows: each needs a process that has answered nothing yet -------------------------
    place(
        "sticks to its first three answers",
        "deterministic",
        "kept.append(next((n.name for n in view.options if n.fits_now(task.demand)), None))\n"
        "if len(kept) > 3 and kept[2] in [n.name for n in view.options]: return kept[2]",
        "kept = []",
    ),
    order(
        "sticks to its first answer in order",
        "deterministic",
        "kept.append(queue[0].id)\nif kept[0] in [t.id for t in queue]: return kept[0]",
        "kept = []",
    ),
    other(
        "retry",
        "task, attempt, view",
        "sticks to its first answer in retry",
        "deterministic",
        "kept.append(Backoff(1000 * (attempt + 1)))\nreturn kept[0]",
        head="from rayproof.model.scheduler.policy.queue_hooks import Backoff\nkept = []",
    ),
    other(
        "migrate",
        "request, view",
        "a first call of migrate like no other",
        "deterministic",
        "fit = [MoveActor(a.name, h.name) for a in view.actors for h in view.hosts\n"
        "       if h.name != a.host and h.free >= a.size and view.host(a.host).free + a.size >= request.size]\n"
        "kept.append(fit)\nreturn fit[0] if fit and len(kept) > 1 else None",
        head="from rayproof.model.scheduler.policy.move_hooks import MoveActor\nkept = []",
    ),
    other(
        "transfer",
        "queue, view",
        "sticks to its first answer in transfer",
        "deterministic",
        "kept.append(queue[0].id)\nreturn next((o for o in queue if o.id == kept[0]), queue[0])",
        head="kept = []",
    ),
    place("a first call like no other", "deterministic", "if not kept: return kept.append(1)", "kept = []"),
    place(
        "remembers by the task alone",
        "deterministic",
        "return kept.setdefault(task.id, next((n.name for n in view.options if n.fits_now(task.demand)), None))",
        "kept = {}",
    ),
    place(
        "remembers by the address of the task",
        "deterministic",
        "return kept.setdefault(id(task), next((n.name for n in view.options if n.fits_now(task.demand)), None))",
        "kept = {}",
    ),
    place(
        "remembers by the address of the view",
        "deterministic",
        "return kept.setdefault(id(view), next((n.name for n in view.options if n.fits_now(task.demand)), None))",
        "kept = {}",
    ),
    place("another policy after 500 calls", "deterministic", "n.append(1)\nif len(n) > 500: return None", "n = []"),
    place("the number of its parent", "deterministic", "if os.getppid() % 2: return None", "import os"),
    place(
        "the environment",
        "deterministic",
        "if dict(os.environ) != known: return None",
        "import os\nknown = dict(os.environ)",
    ),
    place("the hash seed", "deterministic", "if os.environ['PYTHONHASHSEED'] == '0': return None", "import os"),
    place("the local time", "deterministic", "if time.localtime().tm_sec % 2: return None", "import time"),
    place("today", "deterministic", "if date.today().toordinal() % 2: return None", "from datetime import date"),
    place(
        "another clock",
        "deterministic",
        "if int(time.clock_gettime(time.CLOCK_MONOTONIC)) % 2: return None",
        "import time",
    ),
    place(
        "seconds since the import",
        "deterministic",
        "if time.monotonic() - began > 60: return None",
        "import time\nbegan = time.monotonic()",
    ),
    place(
        "turns of a cycle",
        "deterministic",
        "if next(turns): return None",
        "import itertools\nturns = itertools.cycle([0, 0, 1])",
    ),
    place(
        "a default that is changed",
        "deterministic",
        "if not self.new(task.id): return None",
        "",
        "def new(self, id, seen=[]):\n    seen.append(id)\n    return len(seen) % 3",
    ),
    place("state in its class", "deterministic", "type(self).n += 1\nif self.n % 3 == 0: return None", "", "n = 0"),
    place(
        "state in the environment",
        "deterministic",
        "n = int(os.environ.get('N', 0))\nos.environ['N'] = str(n + 1)\nif n % 3 == 2: return None",
        "import os",
    ),
    place(
        "state in a file",
        "deterministic",
        "with open(__file__ + '.n', 'a+') as f:\n    f.write('x')\n    if f.tell() % 3 == 0: return None",
    ),
    place(
        "keeps the last view",
        "deterministic",
        "last, self.last = self.last, view\nif last and last.origin != view.origin or last and "
        "len(last.options) != len(view.options) or last and last.nodes != view.nodes: return None",
        "",
        "last = None",
    ),
    place(
        "a generator of random numbers with a seed",
        "deterministic",
        "if rng.random() < 0.3: return None",
        "import random\nrng = random.Random(7)",
    ),
    place("the hash of an object", "deterministic", "if (hash(object()) >> 2) % 2: return None"),
    place("a set as text", "deterministic", 'return str({n.name for n in view.options}).split("\'")[1]'),
    place("a unique number", "deterministic", "if uuid.uuid4().int % 2: return None", "import uuid"),
    place("secrets", "deterministic", "if secrets.randbelow(2): return None", "import secrets"),
    place("counts of the collector", "deterministic", "if gc.get_count()[0] % 2: return None", "import gc"),
    place(
        "bends what is frozen",
        "deterministic",
        "node = min(view.options, key=lambda n: n.queue_length)\n"
        "object.__setattr__(node, 'queue_length', node.queue_length + 1)\n"
        "return node.name if node.fits_now(task.demand) else None",
    ),
    place("a name by lot", "deterministic", "", "import random", "name = str(random.random())"),
    place("a first memory by lot", "deterministic", "", "import random", "memory = random.random()\nname = 'q'"),
    # ---- draws -----------------------------------------------------------------------------------------------------
    place("draws from an earlier call", "deterministic", "kept.append(ctx)\nkept[0].choose([1, 2])", "kept = []"),
    place("draws for ever", "no_exception", "while True: ctx.choose([1, 2])"),
    place(
        "draws for ever and swallows it",
        "too_slow",
        "while True:\n    try: ctx.choose([1, 2])\n    except Exception: pass",
    ),
    place("draws one of a thousand million", "no_exception", "ctx.choose(range(10 ** 9))"),
    place("draws from a generator", "no_exception", "ctx.choose(n for n in view.options)"),
    place("draws from a set of one", "no_exception", "ctx.choose({1})"),
    # ---- its process -----------------------------------------------------------------------------------------------
    place("closes all files", "exits", "os.closerange(3, 4096)", "import os"),
    place("ends in a destructor", "exits", "D()", "import os\nclass D:\n  def __del__(s): os._exit(0)"),
    place("a null pointer", "exits", "ctypes.string_at(0)", "import ctypes"),
    place("waits for a signal", "too_slow", "signal.pause()", "import signal"),
    place("waits for nobody", "too_slow", "select.select([], [], [])", "import select"),
    place(
        "shrugs off its limits",
        "too_slow",
        "while True: pass",
        "import signal\nfor s in (signal.SIGXCPU, signal.SIGTERM, signal.SIGINT): signal.signal(s, signal.SIG_IGN)",
    ),
    place("reads from standard input", "no_exception", "input()"),
    place("a debugger", "prints", "breakpoint()"),
    place("warns", "prints", "warnings.warn('x', UserWarning)", "import warnings\nwarnings.simplefilter('always')"),
    place("logs", "prints", "logging.warning('x')", "import logging"),
    place(
        "traces itself",
        "no_exception",
        "sys.settrace(t)\nlen(view.options)\nf()",
        "import sys\ndef t(*a): raise SystemExit(0)\ndef f(): pass",
    ),
    place(
        "runs a shell and hides it",
        "starts_processes",
        "try: os.popen('true').read()\nexcept BaseException: pass",
        "import os",
    ),
    place("a timer of threading", "starts_threads", "threading.Timer(0, int).start()", "import threading"),
    place("asyncio in another thread", "starts_threads", "asyncio.run(asyncio.to_thread(int))", "import asyncio"),
    # ---- what it raises --------------------------------------------------------------------------------------------
    place("the end of an iteration", "no_exception", "next(iter(()))"),
    place(
        "a group of exceptions", "no_exception", "raise BaseExceptionGroup('g', [KeyboardInterrupt(), ValueError()])"
    ),
    place(
        "an error without words",
        "no_exception",
        "raise E",
        "class E(Exception):\n  def __str__(s): raise SystemExit(0)",
    ),
    place(
        "an error of ours",
        "no_exception",
        "raise ModelError('the model is to blame')",
        "from rayproof.model.kernel import ModelError",
    ),
    place(
        "a rule of its own choice",
        "no_exception",
        "raise PolicyError('capacity_conserved', 'x')",
        "from rayproof.model.kernel import PolicyError",
    ),
    place(
        "exits in a lookup",
        "no_exception",
        "self.nothing",
        "",
        "def __getattr__(self, name):\n    if name == 'nothing': raise SystemExit(0)\n    raise AttributeError(name)",
    ),
    # ---- answers ---------------------------------------------------------------------------------------------------
    place("a node, not its name", "answer_type", "return view.options[0]"),
    place("yes", "answer_type", "return True"),
    place("bytes", "answer_type", "return view.options[0].name.encode()"),
    place("three things", "answer_type", "return view.options[0].name, memory, 1"),
    place(
        "gives up in place",
        "answer_type",
        "return GIVE_UP",
        "from rayproof.model.scheduler.policy.queue_hooks import GIVE_UP",
    ),
    place("an empty name", "legal_answer", "return ''"),
    place("half a name", "legal_answer", "return view.options[0].name[:-1]"),
    place("a name with a mark that is not seen", "legal_answer", "return view.options[0].name + '\\u200b'"),
    place("an answer that is no text to print", "legal_answer", "return '\\ud800'"),
    place("a name that is no text to print", HOLDS, "", "", "name = '\\ud800'"),
    order("nothing in order", "legal_answer", "return 'nobody'"),
    order("a list in order", "legal_answer", "return [t.id for t in queue]"),
    # ---- no policies -----------------------------------------------------------------------------------------------
    Hostile("too few arguments", REFUSED, "class P:\n  def place(self, task): return None\n"),
    Hostile("no hook", REFUSED, "class P:\n  def put(self, task): return None\n"),
    Hostile("two policies", REFUSED, "class P:\n  def place(self, *a): return None\nclass Q(P): pass\n"),
    Hostile(
        "an abstract class",
        REFUSED,
        "import abc\nclass P(abc.ABC):\n  @abc.abstractmethod\n  def place(self, *a): ...\n",
    ),
    Hostile("a byte that no source may have", REFUSED, "class P:\n  name = '\x00'\n"),
    # ---- allowed ---------------------------------------------------------------------------------------------------
    place("a hook without self", HOLDS, "", "", "@property\ndef unused(self): raise SystemExit(0)"),
    place("imports when it is first asked", HOLDS, "import colorsys, fractions, statistics"),
    place(
        "remembers all that it is asked",
        HOLDS,
        "key = task.id, tuple(n.name for n in view.options if n.fits_now(task.demand))\n"
        "kept.setdefault(key, next(iter(key[1]), None))\nreturn kept[key]",
        "kept = {}",
    ),
    place(
        "looks at the clock and does not mind",
        HOLDS,
        "time.time(), date.today(), os.getpid(), dict(os.environ)",
        "import os, time\nfrom datetime import date",
    ),
    place(
        "times of its own",
        HOLDS,
        "isinstance(date.today(), date) and datetime.now() - datetime(2020, 1, 1) > timedelta(0) or 1 / 0\n"
        "isinstance(datetime.now(), date) or 1 / 0\ntime.strftime('%Y', time.gmtime(0)) == '1970' or 1 / 0",
        "import time\nfrom datetime import date, datetime, timedelta",
    ),
    place(
        "counts in its memory",
        HOLDS,
        "memory = min(3, memory + 1)\n"
        "return next((n.name for n in view.options if n.fits_now(task.demand)), None), memory",
        "",
        "memory = 0",
    ),
)
