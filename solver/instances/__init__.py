"""Problems: their one form, its files, and how programs become one."""

from rayproof.solver.instances.files import SCHEMA, from_json, load, save, to_json
from rayproof.solver.instances.form import (
    GPU,
    MICROSECONDS,
    Group,
    GroupStrategy,
    InfeasibleError,
    Instance,
    InstanceError,
    Labels,
    Node,
    Object,
    Objective,
    Occupant,
    Task,
)
from rayproof.solver.instances.indexed import Indexed, index
from rayproof.solver.instances.relaxation import ACTOR_SLOT, Until, from_program

__all__ = [
    "ACTOR_SLOT",
    "GPU",
    "MICROSECONDS",
    "SCHEMA",
    "Group",
    "GroupStrategy",
    "Indexed",
    "InfeasibleError",
    "Instance",
    "InstanceError",
    "Labels",
    "Node",
    "Object",
    "Objective",
    "Occupant",
    "Task",
    "Until",
    "from_json",
    "from_program",
    "index",
    "load",
    "save",
    "to_json",
]
