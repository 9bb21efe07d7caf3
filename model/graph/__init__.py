"""The contract: the dynamic task graph and the cluster it runs on, independent of any architecture below.

Source: Moritz et al., "Ray: A Distributed Framework for Emerging AI Applications", OSDI 2018, section 3.2, and the
names of Ray 2.60. Left out: what Ray does with a graph. That is the rest of `model`.
"""

from rayproof.model.graph.hints import Hints
from rayproof.model.graph.nodes import ClusterSpec, NodeId, NodeSpec
from rayproof.model.graph.program import (
    Action,
    ActorId,
    AwaitGroup,
    Cancel,
    Compute,
    Get,
    GiveUpGroup,
    GroupSpec,
    MakeGroup,
    ObjectId,
    ObjectSpec,
    Program,
    ProgramError,
    Put,
    Submit,
    TaskId,
    TaskKind,
    TaskSpec,
    Wait,
)
from rayproof.model.graph.resources import Resources, fixed_point
from rayproof.model.graph.strategies import (
    BundleStrategy,
    Default,
    GroupId,
    NodeAffinity,
    PlacementGroup,
    Spread,
    Strategy,
)

__all__ = [
    "Action",
    "ActorId",
    "AwaitGroup",
    "BundleStrategy",
    "Cancel",
    "ClusterSpec",
    "Compute",
    "Default",
    "Get",
    "GiveUpGroup",
    "GroupId",
    "GroupSpec",
    "Hints",
    "MakeGroup",
    "NodeAffinity",
    "NodeId",
    "NodeSpec",
    "ObjectId",
    "ObjectSpec",
    "PlacementGroup",
    "Program",
    "ProgramError",
    "Put",
    "Resources",
    "Spread",
    "Strategy",
    "Submit",
    "TaskId",
    "TaskKind",
    "TaskSpec",
    "Wait",
    "fixed_point",
]
