"""Every scope of the control store: exhausted, all statements hold, as many states as last time."""

import pytest

from rayproof.model.kernel import Verdict
from rayproof.model.kernel.explore import explore
from rayproof.properties.catalogue import CATALOGUE, Scope, build

# States, transitions and depth with all statements of the scenario.
TINY = {
    "chain-3-2-1": (13_022, 48_062, 26),
    "chain-3-3-1": (124_541, 536_257, 36),
    "chain-reads": (46_433, 189_416, 23),
    "chain-retries": (1_505, 4_318, 18),
    "chain-alone": (205, 460, 11),
    "chain-stale": (1_484, 3_789, 19),
    "chain-extension": (6_761, 23_657, 23),
    "chain-restart": (42_440, 162_717, 30),
    "chain-suspicion": (17_803, 69_901, 20),
    "chain-sealed-crash": (323, 793, 14),
    "pubsub-1-1": (7_658, 23_638, 23),
    "long-poll-1-1": (63_881, 174_652, 32),
    "shards-2": (129, 214, 12),
    "chains-2-2-1": (60_757, 258_668, 23),
    "tables-1": (22_392, 94_602, 32),
    "flushing-1-2": (279, 557, 23),
    "gcs-restart-1-1-1": (9_372, 26_084, 33),
    "gcs-membership-1": (21_924, 65_580, 31),
    "gcs-membership-1-memory": (21_392, 63_707, 31),
    "gcs-membership-1-nodes": (989, 2_149, 19),
    "gcs-sync-2-1-1": (36_702, 141_202, 17),
}

SMALL = {
    "chain-3-3-2": (1_546_045, 6_835_762, 43),
    "chain-extension-crash": (636_179, 3_228_776, 38),
    "chain-restart-busy": (208_607, 880_427, 35),
    "chain-suspicion-of-three": (176_958, 854_217, 29),
    "pubsub-2-1": (14_665, 46_374, 28),
    "long-poll-2-1": (2_086_864, 7_128_244, 46),
    "gcs-restart-2-1-1": (395_684, 1_632_378, 42),
    "gcs-sync-2-2-1": (194_474, 830_210, 19),
}


def check(name: str, counts: tuple[int, int, int]) -> None:
    result = explore(build(name))
    assert result.verdict is Verdict.HOLDS, [answer for answer in result.statements if answer.verdict != "holds"]
    assert (result.states, result.transitions, result.depth) == counts


@pytest.mark.parametrize("name", TINY)
def test_tiny_scopes_hold(name: str) -> None:
    check(name, TINY[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_small_scopes_hold(name: str) -> None:
    check(name, SMALL[name])


def test_every_scope_is_pinned() -> None:
    for scope, pinned in ((Scope.TINY, TINY), (Scope.SMALL, SMALL)):
        assert {e.name for e in CATALOGUE.values() if e.component == "gcs" and e.scope is scope} == set(pinned)
