"""Which statements follow from others: whatever breaks the weaker one breaks the stronger one too.

Each is an argument about what the two read, given beside it; a test holds it against planted bugs.
"""

from __future__ import annotations

from collections.abc import Mapping

IMPLIED_BY: Mapping[tuple[str, str], tuple[str, ...]] = {
    # Nothing is wanted, watched or queued at rest, so nothing that is can be lost or left waiting. And a state of rest
    # lasts for ever: what is missing there does not come later.
    ("cluster.paper", "no_lost_objects"): ("at_rest", "lost_objects_come_back"),
    ("cluster.paper", "eventual_scheduling"): ("at_rest", "tasks_find_room"),
}
"""(room of the statement, its name) -> statements each of which implies it, where both are checked."""
