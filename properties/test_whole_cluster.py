"""The whole cluster, drawn programs and all: by a readable machine, and by bytes for volume; parts of it beside."""

import pytest
from hypothesis import given, seed

from rayproof.properties.suite.byte_runs import Run, runs
from rayproof.properties.suite.drawn import FAMILIES, from_bytes
from rayproof.properties.suite.drawn.cluster import WHOLE_CLUSTER
from rayproof.properties.suite.drawn.owned_cluster import OWNED_PROGRAMS
from rayproof.properties.suite.drawn.plane import OBJECT_PLANE
from rayproof.properties.suite.drawn.today_cluster import TODAY_CLUSTER
from rayproof.properties.suite.machine import FamilyMachine, collected
from rayproof.properties.suite.shared import present

SHAPE_BYTES = 80
"""Draws of a program and its cluster; zeros, the simplest, once they are used up."""

VOLUME = {"whole-cluster": 12.0, "today-cluster": 7.0, "ray2-cluster": 7.0, "object-plane": 7.0}
"""Share of the usual number of random schedules."""


class WholeCluster(FamilyMachine):
    """Driver, workers, raylets, global schedulers and store run a drawn program under drawn faults."""

    family = WHOLE_CLUSTER


class TodayCluster(FamilyMachine):
    """Core workers, raylets, pools and stores of today's Ray do the same, under a policy or Ray's own."""

    family = TODAY_CLUSTER


class OwnedCluster(FamilyMachine):
    """Owner, leases, stores, placement groups and actors of today's Ray do the same."""

    family = OWNED_PROGRAMS


class ObjectPlane(FamilyMachine):
    """Stores, transfers and disks under memory that runs short: workers of several nodes make and read objects."""

    family = OBJECT_PLANE


TestWholeCluster = collected(WholeCluster)
TestWholeCluster.pytestmark = [pytest.mark.rayproof_scenario(WHOLE_CLUSTER.name)]

TestTodayCluster = collected(TodayCluster)
TestTodayCluster.pytestmark = [pytest.mark.rayproof_scenario(TODAY_CLUSTER.name)]

TestOwnedCluster = collected(OwnedCluster)
TestOwnedCluster.pytestmark = [pytest.mark.rayproof_scenario(OWNED_PROGRAMS.name)]

TestObjectPlane = collected(ObjectPlane)
TestObjectPlane.pytestmark = [pytest.mark.rayproof_scenario(OBJECT_PLANE.name)]


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.rayproof_scenario(name)) for name in FAMILIES])
def test_drawn_programs(name: str) -> None:
    family, suite = FAMILIES[name], present()

    @seed(suite.seed)
    @suite.volume(VOLUME.get(name, 5.0))
    @given(runs(SHAPE_BYTES, shortest=100))
    def run(drawn: Run) -> None:
        shape = family.draw(from_bytes(drawn.shape))
        scenario = family.scenario(shape, suite.policy if family.takes_policy else None)
        parameters = {**suite.parameters(family.takes_policy), "shape": shape}
        suite.walked(scenario, drawn.schedule, drawn.faults, parameters)

    run()
