"""Recordings of real Ray as programs, clusters and outcomes of the model."""

from rayproof.recordings.lines import FaultKind
from rayproof.recordings.reader import read_recording
from rayproof.recordings.recording import Attempt, Fault, Group, Outcome, Recording, Startup

__all__ = ["Attempt", "Fault", "FaultKind", "Group", "Outcome", "Recording", "Startup", "read_recording"]
