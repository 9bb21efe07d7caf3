"""The scopes of recovery by an owner are exhausted, and their planted bugs are killed."""

import pytest

from rayproof.model.lineage.ray2.programs import Failure
from rayproof.properties.bugs import Bug
from rayproof.properties.lineage.ray2.bugs import LINEAGE_BUGS
from rayproof.properties.lineage.ray2.scopes import LINEAGE_ENTRIES
from tests.scopes import check_gallery, check_killed, check_pinned

PINNED = {
    "lineage-chain": (84_662, 32),
    "lineage-copies": (18_642, 32),
    "lineage-wait": (524, 13),
    "lineage-spilled": (151, 13),
    "lineage-put": (1_335, 24),
    "lineage-put-late-copy": (294, 18),
    "lineage-no-retries": (2_141, 23),
    "lineage-affinity": (638, 23),
    "lineage-bounded": (3_730, 24),
    "lineage-fetched": (844, 15),
    "lineage-small-values": (1_556, 14),
    "lineage-small-borrowed": (198, 12),
    "lineage-owner-dies": (862, 20),
    "lineage-owner-alone-dies": (195, 14),
}


@pytest.mark.parametrize("name", PINNED)
def test_scope_is_exhausted(name: str) -> None:
    check_pinned(name, *PINNED[name])


@pytest.mark.slow
def test_small_scope_is_exhausted() -> None:
    check_pinned("lineage-three", 95_684, 52)


@pytest.mark.parametrize("bug", LINEAGE_BUGS, ids=lambda bug: bug.name)
def test_bug_is_killed(bug: Bug) -> None:
    check_killed(bug)


def test_every_scope_is_pinned_and_every_statement_has_its_bug() -> None:
    check_gallery(LINEAGE_ENTRIES, LINEAGE_BUGS, PINNED)


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
