"""For all tests: no limit in seconds ends a solver, so that no answer depends on how busy the machine is."""

import signal

import pytest

from rayproof.solver.engine import Budget


@pytest.fixture(autouse=True)
def no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit of 0 seconds is over at once, any other never; resource units limit as ever."""
    monkeypatch.setattr(Budget, "seconds_left", property(lambda budget: 0.0 if budget.limits.seconds == 0 else None))


def pytest_configure() -> None:
    """Ctrl-C is heard here and in what tests start, also where the tests run in the background, which ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
