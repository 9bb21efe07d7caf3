"""Import a policy and look at what it is: this runs its code, so only its own process does it (and tests)."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Hashable
from dataclasses import dataclass
from inspect import getsourcefile, signature
from pathlib import Path
from types import ModuleType
from typing import Any

from rayproof.errors import InputError
from rayproof.model.kernel import PolicyError
from rayproof.model.scheduler.policy.built_in import BUILT_IN
from rayproof.model.scheduler.policy.hooks import policy_name
from rayproof.supervised.values import sealed

HOOKS = {
    "place": ("task", "view", "memory", "ctx"),
    "order": ("queue", "view", "memory", "ctx"),
    "preempt": ("task", "running", "free", "memory", "ctx"),
    "retry": ("task", "attempt", "view", "memory", "ctx"),
    "migrate": ("request", "view", "memory", "ctx"),
    "transfer": ("queue", "view", "memory", "ctx"),
}
"""What a policy may decide, and what each hook is called with."""

EXPECTED = "a built-in name (" + ", ".join(BUILT_IN) + "), a .py file, or module:Class"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a policy without its code."""

    name: str
    hooks: tuple[str, ...]
    memory: Hashable
    """The form of the memory that `place` begins with."""
    locality: bool
    source: str | None


def loaded(spec: str) -> Any:
    """The object that a specification names; raises `InputError`, and what is raised that is no `Exception`."""
    if spec.endswith(".py"):
        found = _from_module(_load_file(Path(spec)), spec)
    elif ":" in spec:
        module, _, attribute = spec.partition(":")
        found = _from_attribute(_load_module(module, spec), attribute, spec)
    else:
        raise InputError(spec, None, "no policy of that name", EXPECTED)
    _check_hooks(found, spec)
    return found


def facts_of(found: Any, spec: str) -> Facts:
    """What is known of a policy; raises `InputError`."""
    try:
        name, locality = policy_name(found), bool(getattr(found, "locality", True))
        memory = sealed(getattr(found, "memory", ()), f"policy {name}")
    except PolicyError as error:
        raise InputError(spec, None, str(error), "an attribute memory that is hashable") from None
    except Exception as error:
        what = f"its name, locality or memory raised {type(error).__name__}: {error}"
        raise InputError(spec, None, what, "plain attributes") from error
    try:
        source = getsourcefile(type(found))
    except (TypeError, OSError):
        source = None
    return Facts(name, tuple(hook for hook in HOOKS if hasattr(found, hook)), memory, locality, source)


def _check_hooks(found: Any, spec: str) -> None:
    """Refuse a policy that decides nothing, or whose hooks cannot be called as they will be."""
    named = [hook for hook in HOOKS if hasattr(found, hook)]
    if not named:
        raise InputError(spec, None, f"{type(found).__name__} has no hook", "at least one of " + _signatures())
    for hook in named:
        wanted = f"{hook}({', '.join(HOOKS[hook])})"
        method = getattr(found, hook)
        if not callable(method):
            raise InputError(spec, None, f"{hook} of {type(found).__name__} is not a method", wanted)
        try:
            signature(method).bind(*HOOKS[hook])
        except TypeError as error:
            raise InputError(spec, None, f"{hook} cannot be called with its arguments: {error}", wanted) from None
        except ValueError:
            continue  # a callable that does not tell its arguments is tried as it is


def _signatures() -> str:
    return ", ".join(f"{hook}({', '.join(arguments)})" for hook, arguments in HOOKS.items())


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise InputError(path, None, "no such file", EXPECTED)
    name = f"rayproof_policy_{path.stem}"
    loader = importlib.util.spec_from_file_location(name, path)
    assert loader is not None and loader.loader is not None
    module = importlib.util.module_from_spec(loader)
    # Dataclasses look their module up by name.
    sys.modules[name] = module
    return _executed(lambda: loader.loader.exec_module(module), module, str(path))


def _load_module(name: str, spec: str) -> ModuleType:
    # As with `python -m`: a module beside the user is found.
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise InputError(spec, None, f"importing {name} raised {type(error).__name__}: {error}", EXPECTED) from error


def _executed(run: Any, module: ModuleType, path: str) -> ModuleType:
    try:
        run()
    except SyntaxError as error:
        raise InputError(path, error.lineno, f"not Python: {error.msg}", "a Python file with a policy") from None
    except Exception as error:
        line = _line_in(error, path)
        what = f"{type(error).__name__}: {error}"
        raise InputError(path, line, f"importing it raised {what}", "a Python file with a policy") from error
    return module


def _line_in(error: BaseException, path: str) -> int | None:
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _from_module(module: ModuleType, spec: str) -> Any:
    if hasattr(module, "policy"):
        return module.policy
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__ and any(hasattr(value, h) for h in HOOKS)
    ]
    if len(classes) != 1:
        names = ", ".join(kind.__name__ for kind in classes) or "none"
        expected = "exactly one, or an object called policy; the hooks are " + _signatures()
        raise InputError(spec, None, f"classes with a hook: {names}", expected)
    return _made(classes[0], spec)


def _from_attribute(module: ModuleType, attribute: str, spec: str) -> Any:
    found = getattr(module, attribute, None)
    if found is None:
        raise InputError(spec, None, f"module {module.__name__} has no {attribute!r}", "the name of a policy in it")
    return _made(found, spec) if isinstance(found, type) else found


def _made(kind: type, spec: str) -> Any:
    try:
        return kind()
    except Exception as error:
        raise InputError(
            spec, None, f"{kind.__name__}() raised {type(error).__name__}: {error}", "a class made without arguments"
        ) from error
