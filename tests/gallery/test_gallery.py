"""The gallery: all entries are there, each is killed where and by what it says, and the correct model is silent."""

import pytest

from rayproof.model.kernel import Process, Verdict, World, campaign, walkable
from rayproof.model.kernel.relation.transitions import Transitions
from rayproof.properties.catalogue import CATALOGUE, Scope
from rayproof.properties.gallery.entries import GALLERY
from rayproof.properties.gallery.entry import GalleryEntry, Standing
from rayproof.properties.gallery.hunt import Driver, Outcome, hunt, scopes_of
from rayproof.properties.gallery.ladder import Rung, climb
from rayproof.properties.gallery.scopes import GENERIC_SCOPES, GenericScope

PLANTED = [entry for entry in GALLERY.values() if entry.standing is Standing.EXPRESSIBLE]
KNOWN = [entry for entry in GALLERY.values() if entry.standing is Standing.KNOWN]
LARGE = {entry.id for entry in PLANTED if CATALOGUE[entry.scenario].scope is not Scope.TINY}


def by_id(entry: GalleryEntry) -> str:
    return entry.id


def test_all_entries_are_there() -> None:
    assert list(GALLERY) == [*(f"D{number:02}" for number in range(1, 70)), *(f"D{number}" for number in range(70, 76))]
    assert len({entry.source for entry in GALLERY.values()}) == 75


def test_how_many_stand_how() -> None:
    counts = {standing: sum(e.standing is standing for e in GALLERY.values()) for standing in Standing}
    assert counts == {
        Standing.EXPRESSIBLE: 62,
        Standing.NOT_EXPRESSIBLE: 0,
        Standing.KNOWN: 2,
        Standing.LATER: 11,
    }


@pytest.mark.parametrize("entry", GALLERY.values(), ids=by_id)
def test_an_entry_says_all_that_it_must(entry: GalleryEntry) -> None:
    assert entry.problem.endswith(".") and entry.component and entry.source
    if entry.standing is Standing.EXPRESSIBLE:
        named = {s.name for s in CATALOGUE[entry.scenario].build(None, {}).statements}
        assert entry.statement in named
    else:
        assert entry.reason and not entry.bugs


@pytest.mark.parametrize(
    "entry",
    [pytest.param(e, marks=pytest.mark.slow) if e.id in LARGE or e.id in ("D29", "D36") else e for e in PLANTED],
    ids=lambda entry: entry.id,
)
def test_killed_in_its_own_scenario_by_the_statement_that_is_named(entry: GalleryEntry) -> None:
    found = hunt(entry, Driver.DIRECTED)
    assert (found.result, found.statement) == (Outcome.KILLED, entry.statement), found.reason
    assert found.length == found.shortest


@pytest.mark.parametrize("entry", KNOWN, ids=by_id)
def test_what_is_known_is_shown_by_the_correct_model(entry: GalleryEntry) -> None:
    assert hunt(entry, Driver.DIRECTED).result is Outcome.KNOWN


def test_no_more_than_twelve_generic_scopes_and_none_is_a_directed_scenario() -> None:
    assert len(GENERIC_SCOPES) == len({scope.name for scope in GENERIC_SCOPES}) == 12
    assert not {scope.name for scope in GENERIC_SCOPES} & set(CATALOGUE)


@pytest.mark.parametrize("scope", GENERIC_SCOPES, ids=lambda scope: scope.name)
@pytest.mark.parametrize("ample", [False, True], ids=["tight", "ample"])
def test_the_correct_model_is_silent(scope: GenericScope, ample: bool) -> None:
    scenario = scope.build({}, ample)
    result = campaign(scenario, 60, 3, walkable(scenario))
    assert result.violation is None
    assert result.verdict is not Verdict.VIOLATED


@pytest.mark.parametrize("entry", PLANTED, ids=by_id)
def test_every_planted_bug_can_be_put_into_a_generic_scope(entry: GalleryEntry) -> None:
    for scope in scopes_of(entry):
        broken = set(entry.swap().values())
        kinds = {type(process) for process in scope.build(entry.swap(), False).initial().values()}
        assert kinds & broken


@pytest.mark.parametrize("name", ["D01", "D19", "D27", "D31", "D51", "D74"])
def test_a_walk_finds_it(name: str) -> None:
    found = hunt(GALLERY[name], Driver.WALK, seed=5, shortest=False)
    assert found.result is Outcome.KILLED
    assert found.statement in GALLERY[name].counts()
    assert found.steps > 0 and found.length


def test_a_walk_is_determined_by_its_seed() -> None:
    first, second = (hunt(GALLERY["D17"], Driver.WALK, seed=8, shortest=False) for _ in range(2))
    assert (first.steps, first.length, first.statement) == (second.steps, second.length, second.statement)


def test_explore_finds_a_shortest_one() -> None:
    found = hunt(GALLERY["D41"], Driver.EXPLORE, budget=20)
    walked = hunt(GALLERY["D41"], Driver.WALK, budget=20)
    assert found.result is Outcome.KILLED and found.length == found.shortest == walked.shortest
    assert walked.length is not None and found.length is not None and walked.length >= found.length


def test_a_mutant_that_only_stumbles_is_not_killed() -> None:
    class Stumbles(Process):
        def receive(self, *_: object) -> None:
            raise RuntimeError("not what the statement is about")

    class Broken(GalleryEntry):
        def swap(self) -> dict[type[Process], type[Process]]:
            return {usual: type("Stumbling", (usual,), {"receive": Stumbles.receive}) for usual in super().swap()}

    entry = Broken("D01", "nowhere#1", "It stumbles.", "global scheduler", GALLERY["D01"].bugs)
    for driver in Driver:
        found = hunt(entry, driver, budget=0.2)
        assert found.result is Outcome.SURVIVED and "stumbles" in found.reason


@pytest.mark.parametrize("driver", Driver)
def test_an_interrupt_ends_the_hunt(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Transitions, "successors", interrupted)
    monkeypatch.setattr(World, "take", interrupted)
    with pytest.raises(KeyboardInterrupt):
        hunt(GALLERY["D24"], driver)


def test_the_ladder_needs_the_ability_that_a_defect_is_about() -> None:
    assert climb(GALLERY["D08"], budget=5).rung is Rung.INVARIANTS
    assert climb(GALLERY["D27"], budget=5).rung is Rung.CRASHES
    assert climb(GALLERY["D32"], budget=1, walks=200).rung is Rung.MEMORY
    assert not climb(GALLERY["D60"]).tried
