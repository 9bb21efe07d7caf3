"""What Ray itself keeps of a run (state of tasks, timelines, export events) as a workload of the model."""

from rayproof.timelines.reader import read_states
from rayproof.timelines.sources import is_state

__all__ = ["is_state", "read_states"]
