"""Tests of the readers of timelines."""
