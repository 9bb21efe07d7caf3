"""Planted bugs: a process or handler replaced from outside, and the statement that must notice.

The model knows nothing of them. A bug kills a statement only when that very statement fails.
"""

from properties.bugs.base import Bug
from properties.bugs.chain import CHAIN_BUGS
from properties.bugs.cluster import CLUSTER_BUGS
from properties.bugs.groups import GROUP_BUGS
from properties.bugs.leases import LEASE_BUGS
from properties.bugs.scheduling import SCHEDULING_BUGS

BUGS: dict[str, Bug] = {
    bug.name: bug for bug in (*CLUSTER_BUGS, *SCHEDULING_BUGS, *GROUP_BUGS, *LEASE_BUGS, *CHAIN_BUGS)
}
"""All planted bugs by name."""

__all__ = ["BUGS", "Bug"]
