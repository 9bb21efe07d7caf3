"""The scopes of recovery by an owner are exhausted, and their planted bugs are killed."""

import pytest

from rayproof.model.lineage.ray2.programs import Failure
from rayproof.properties.bugs import Bug
from rayproof.properties.lineage.ray2.bugs import LINEAGE_BUGS
from rayproof.properties.lineage.ray2.scopes import LINEAGE_ENTRIES
from tests.scopes import check_gallery, check_killed


@pytest.mark.parametrize("bug", LINEAGE_BUGS, ids=lambda bug: bug.name)
def test_bug_is_killed(bug: Bug) -> None:
    check_killed(bug)


def test_every_statement_has_its_bug() -> None:
    check_gallery(LINEAGE_ENTRIES, LINEAGE_BUGS)


def test_errors_have_the_names_of_ray() -> None:
    assert set(Failure) == {
        "ObjectLostError",
        "ObjectReconstructionFailedError",
        "NodeDiedError",
        "OwnerDiedError",
        "ReferenceCountingAssertionError",
        "TaskUnschedulableError",
        "TaskCancelledError",
        "TaskPlacementGroupRemoved",
        "ActorDiedError",
        "ActorUnavailableError",
    }
