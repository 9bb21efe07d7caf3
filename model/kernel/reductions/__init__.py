"""Fewer states for the same answer, each reduction behind a gate."""
