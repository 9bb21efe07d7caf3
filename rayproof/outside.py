"""Scenarios that are not of the catalogue: of a file, `my_protocol.py[:name]`, or of a package that offers some.

A file is a scenario's home when it holds, at its top level, `Scenario` objects; planted bugs are `Bug` objects beside
them, and `SIZES` may say how large each scenario is: its name -> (states, transitions, depth). A package offers its
modules of scenarios in the entry-point group `rayproof.scenarios`. Asking for either runs its code.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache, partial
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from rayproof.errors import InputError, expected_name
from rayproof.model.kernel import Process, Scenario
from rayproof.model.scheduler.policy.hooks import Policy
from rayproof.model.swap import Swap
from rayproof.properties.bugs import BUGS, Bug
from rayproof.properties.catalogue import CATALOGUE, COMPONENTS, Edition, Entry, Scope

GROUP = "rayproof.scenarios"
"""The entry-point group in which a package offers its modules of scenarios."""

EXPECTED = "a Python file with a Scenario at its top level"


@dataclass(frozen=True)
class Home:
    """What a file offers."""

    entries: Mapping[str, Entry]
    bugs: Mapping[str, Bug]


def is_file(spec: str) -> bool:
    """Whether a name is that of a file of scenarios, with or without one of them."""
    return spec.partition(":")[0].endswith(".py")


def entries_of(spec: str) -> list[Entry]:
    """All scenarios of `FILE.py`, or the one of `FILE.py:name`; raises `InputError`."""
    file, _, name = spec.partition(":")
    entries = home(file).entries
    if not name:
        return list(entries.values())
    if name not in entries:
        expected = expected_name(name, entries, "one of " + ", ".join(entries))
        raise InputError(file, None, f"no scenario {name!r} in it", expected)
    return [entries[name]]


def entry_of(name: str) -> Entry:
    """The one scenario of a name, of the catalogue or of elsewhere; raises `InputError`."""
    if name in CATALOGUE:
        return CATALOGUE[name]
    found = entries_of(name) if is_file(name) else _offered().get(name, [])
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(f"{name}:{entry.name}" for entry in found)
        raise InputError(name, None, f"{len(found)} scenarios", f"one of {listed}")
    expected = expected_name(name, CATALOGUE, "a name that `rayproof scenarios` lists, or FILE.py[:name]")
    raise InputError("SCENARIO", None, f"unknown scenario {name!r}", expected)


def chosen(name: str, scope: Scope) -> list[Entry]:
    """What a name on the command line stands for: a component, one scenario, or a file; raises `InputError`."""
    if name in COMPONENTS:
        found = [entry for entry in CATALOGUE.values() if entry.component == name and entry.scope is scope]
        if not found:
            raise InputError(name, None, f"component {name} has no {scope} scenario yet", _known_names())
        return found
    if name in CATALOGUE:
        return [CATALOGUE[name]]
    found = entries_of(name) if is_file(name) else _offered().get(name, [])
    if not found:
        expected = expected_name(name, (*COMPONENTS, *CATALOGUE), _known_names())
        raise InputError(name, None, "neither a component nor a scenario", expected)
    return found


def _known_names() -> str:
    return "a component (" + ", ".join(COMPONENTS) + "), a name that `rayproof scenarios` lists, or FILE.py[:name]"


def offered() -> list[Entry]:
    """The scenarios that installed packages offer; a package that cannot be imported is an `InputError`."""
    return [entry for entries in _offered().values() for entry in entries]


def planted(bug: str, entries: Iterable[Entry]) -> Bug | None:
    """The planted bug of a name, of the catalogue or of the files that the entries are from."""
    files = dict.fromkeys(entry.file for entry in entries if entry.file)
    return BUGS.get(bug) or next((home(file).bugs[bug] for file in files if bug in home(file).bugs), None)


def siblings(entries: Iterable[Entry]) -> list[Entry]:
    """All scenarios of the files that the entries are from."""
    return [each for file in dict.fromkeys(e.file for e in entries if e.file) for each in home(file).entries.values()]


@cache
def home(file: str) -> Home:
    """What a file offers; raises `InputError`."""
    path = Path(file)
    if not path.is_file():
        raise InputError(path, None, "no such file", EXPECTED)
    name = f"rayproof_protocol_{path.stem}"
    spec = spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    # Dataclasses look their module up by name; what lies beside the file can be imported, as when Python runs it.
    sys.modules[name] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise InputError(path, error.lineno, f"not Python: {error.msg}", EXPECTED) from None
    except (Exception, SystemExit) as error:
        raise InputError(
            path, _line_in(error, file), f"importing it raised {type(error).__name__}: {error}", EXPECTED
        ) from error
    finally:
        sys.path.remove(str(path.resolve().parent))
    return _home_in(module, file)


def _line_in(error: BaseException, file: str) -> int | None:
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _home_in(module: ModuleType, file: str) -> Home:
    values = list(vars(module).values())
    values += [each for value in values if isinstance(value, list | tuple) for each in value]
    scenarios = {each.name: each for each in values if isinstance(each, Scenario)}
    bugs = {each.name: each for each in values if isinstance(each, Bug)}
    sizes: Any = getattr(module, "SIZES", {})
    if not scenarios:
        raise InputError(file, None, "no Scenario at its top level", EXPECTED)
    if wrong := sorted({*sizes, *(bug.scenario for bug in bugs.values())} - set(scenarios)):
        raise InputError(
            file, None, f"it speaks of scenarios that it has not: {', '.join(wrong)}", ", ".join(scenarios)
        )
    return Home({name: _entry(made, file, sizes.get(name)) for name, made in scenarios.items()}, bugs)


def _entry(scenario: Scenario, file: str, size: tuple[int, int, int] | None) -> Entry:
    def build(policy: Policy | None, swap: Swap) -> Scenario:
        if not swap:
            return scenario
        return replace(
            scenario, processes={slot: partial(_swapped, make, swap) for slot, make in scenario.processes.items()}
        )

    entry = Entry(scenario.name, scenario.component, Edition.BOTH, Scope.TINY, build, file=file)
    return entry if size is None else entry.sized(*size)


def _swapped(make: Callable[[], Process], swap: Swap) -> Process:
    """A fresh process, of the class that stands in for its own."""
    usual = make()
    kind = swap.get(type(usual))
    if kind is None:
        return usual
    parts = fields(usual)  # type: ignore[arg-type] # every process is a dataclass
    return kind(**{part.name: getattr(usual, part.name) for part in parts if part.init})


@cache
def _offered() -> Mapping[str, list[Entry]]:
    """Name of an entry point, and of each scenario behind one -> the scenarios."""
    found: dict[str, list[Entry]] = {}
    for point in entry_points(group=GROUP):
        try:
            file = import_module(point.module).__file__
        except Exception as error:
            message = f"importing {point.module} raised {type(error).__name__}: {error}"
            raise InputError(point.name, None, message, f"a module of the group {GROUP}") from error
        entries = list(home(str(file)).entries.values())
        found[point.name] = entries
        found |= {entry.name: [entry] for entry in entries if entry.name not in found}
    return found
