"""Messages, observations and processes have the shape that the kernel counts on."""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

import pytest

from rayproof import model
from rayproof.model.kernel import Message, Process


def defined(base: type) -> Iterator[type]:
    """Every subclass that a module of the protocols defines."""
    for module in pkgutil.walk_packages(model.__path__, "rayproof.model."):
        if not module.name.startswith("rayproof.model.kernel"):
            for thing in vars(importlib.import_module(module.name)).values():
                if isinstance(thing, type) and issubclass(thing, base) and thing.__module__ == module.name:
                    yield thing


MESSAGES = sorted(defined(Message), key=lambda kind: (kind.__module__, kind.__name__))
PROCESSES = sorted(defined(Process), key=lambda kind: (kind.__module__, kind.__name__))


def test_there_are_some() -> None:
    assert len(MESSAGES) > 100 and len(PROCESSES) > 50


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_a_message_is_a_value(kind: type) -> None:
    """A message that its sender could change after sending would reach two receivers in two forms."""
    assert is_dataclass(kind) and "__dataclass_fields__" in vars(kind), (
        "a message without fields of its own compares alike"
    )
    assert kind.__dataclass_params__.frozen and kind.__dataclass_params__.eq  # type: ignore[attr-defined]
    assert "__dict__" not in dir(kind)


@pytest.mark.parametrize("kind", PROCESSES, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_a_process_keeps_nothing_beside_its_fields(kind: type) -> None:
    """What is kept beside the declared fields would be part of the behaviour and not of the state."""
    assert "__dict__" not in dir(kind)
    assert fields(kind) is not None
