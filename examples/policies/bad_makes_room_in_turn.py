"""Broken on purpose: whoever waits ends whoever runs, and is ended by it in turn."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MakesRoomInTurn:
    """Breaks the statement no_task_makes_room_twice_for_another."""

    name: str = "bad_makes_room_in_turn"

    def preempt(self, task, running, free, memory, ctx):
        return next((each.id for each in running if each.retriable), None)
