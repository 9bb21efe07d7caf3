"""The traces that `docs/actors.md` prints: shortest runs of the notes' two examples to their end."""

from __future__ import annotations

from collections.abc import Callable

from rayproof.model.actors.hosts import Host, RedirectedCaller
from rayproof.model.actors.migration import Coordinator
from rayproof.model.actors.ray2.calls import Caller
from rayproof.model.kernel import StateView, Trace, always, explore, render, replay
from rayproof.properties.catalogue import CATALOGUE


@always(Caller, source="")
def counting_goes_on(view: StateView) -> bool:
    """Some caller still waits."""
    return not all(len(caller.outcomes) == len(caller.calls) for caller in view.of(Caller).values())


@always(Coordinator, Host, RedirectedCaller, source="")
def moving_goes_on(view: StateView) -> bool:
    """The new actor has no place yet, or the caller waits."""
    coordinator = next(iter(view.of(Coordinator).values()))
    waiting = any(caller.calls for caller in view.of(RedirectedCaller).values())
    return bool(coordinator.unplaced or coordinator.orders or waiting)


def steps(name: str, goes_on: Callable[..., bool]) -> str:
    """The numbered steps of a shortest run after which `goes_on` no longer holds, as `render` prints them."""
    scenario = CATALOGUE[name].build(None, {})
    violation = explore(scenario, (goes_on,)).violation  # type: ignore[arg-type]
    assert violation is not None
    trace = Trace(name, {}, violation.statement, violation.sentence, violation.steps)
    printed = render(trace, replay(scenario, violation.steps)).split("\n\n")
    return printed[1]


def examples() -> dict[str, str]:
    """Both traces, by scenario."""
    return {
        "actor-counter": steps("actor-counter", counting_goes_on),  # type: ignore[arg-type]
        "migration": steps("migration", moving_goes_on),  # type: ignore[arg-type]
    }


if __name__ == "__main__":
    for name, text in examples().items():
        print(f"== {name}\n{text}\n")
