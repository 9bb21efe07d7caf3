"""Policies of users, each in a process of its own: limits, a table of its answers, and the same questions put again.

`proxy.Supervised` is what the model sees; `process` starts, times and ends the child, in which `child` runs. What goes
over the pipe is in `questions` (what is asked) and `values` (what is answered). docs/check.md, "How a policy is run".
"""
