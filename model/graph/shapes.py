"""Small programs with a shape, for scopes and examples."""

from __future__ import annotations

from rayproof.model.graph import Action, Compute, Get, ObjectSpec, Program, Put, Resources, Submit, TaskSpec


def chain(length: int, size_bytes: int = 0) -> Program:
    """Each task needs the result of the one before; the driver gets the last result."""
    return _built(f"chain{length}", {i: (i - 1,) if i else () for i in range(length)}, (length - 1,), size_bytes)


def fan_in(width: int, size_bytes: int = 0) -> Program:
    """Independent tasks, and one that needs all their results."""
    edges: dict[int, tuple[int, ...]] = dict.fromkeys(range(width), ())
    return _built(f"fan{width}", {**edges, width: tuple(range(width))}, (width,), size_bytes)


def wide(width: int, size_bytes: int = 0) -> Program:
    """Independent tasks; the driver gets all results."""
    return _built(f"wide{width}", dict.fromkeys(range(width), ()), tuple(range(width)), size_bytes)


def diamond(size_bytes: int = 0) -> Program:
    """One task, two that need it, one that needs both."""
    return _built("diamond", {0: (), 1: (0,), 2: (0,), 3: (1, 2)}, (3,), size_bytes)


def nested(children: int = 1) -> Program:
    """A parent task that submits children while it runs and gets their results."""
    names = [f"c{i}" for i in range(children)]
    tasks = {name: TaskSpec(name, (), (f"o{name}",)) for name in names}
    results = tuple(f"o{name}" for name in names)
    body: tuple[Action, ...] = (*(Submit(name) for name in names), Compute(0), Get(results))
    tasks["p"] = TaskSpec("p", (), ("op",), body=body)
    objects = {made: ObjectSpec(made) for made in (*results, "op")}
    return Program(tasks, objects, (Submit("p"), Get(("op",))), f"nested{children}")


def readers(count: int) -> Program:
    """The driver puts an object; independent tasks read it, and the driver gets their results."""
    names = [f"t{i}" for i in range(count)]
    tasks = {name: TaskSpec(name, ("x",), (f"o{name}",), Resources.of(CPU=1)) for name in names}
    results = tuple(f"o{name}" for name in names)
    driver: tuple[Action, ...] = (Put("x"), *(Submit(name) for name in names), Get(results))
    return Program(tasks, {made: ObjectSpec(made) for made in ("x", *results)}, driver, f"readers{count}")


def _built(name: str, inputs: dict[int, tuple[int, ...]], wanted: tuple[int, ...], size_bytes: int) -> Program:
    tasks = {
        f"t{i}": TaskSpec(f"t{i}", tuple(f"o{j}" for j in needed), (f"o{i}",), Resources.of(CPU=1))
        for i, needed in inputs.items()
    }
    objects = {f"o{i}": ObjectSpec(f"o{i}", size_bytes) for i in inputs}
    driver: tuple[Action, ...] = (*(Submit(task) for task in tasks), Get(tuple(f"o{i}" for i in wanted)))
    return Program(tasks, objects, driver, name)
