"""What a model is written in: processes, messages, links, timers, faults, statements, scenarios."""
