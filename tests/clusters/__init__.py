"""Tests of the readers of clusters."""
