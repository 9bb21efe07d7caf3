"""Counterexamples: one form, replayed to the letter, refused with a reason."""

import json
from dataclasses import replace

import pytest

from rayproof.model.kernel import Deliver, Taken, Trace, TraceError, TraceMismatch, explore, render, replay
from rayproof.properties.bugs import BUGS
from rayproof.properties.catalogue import build


@pytest.fixture(scope="module")
def trace() -> Trace:
    bug = BUGS["never_reconsiders"]
    scenario = build(bug.scenario, swap=bug.replaces)
    found = explore(scenario).violation
    assert found is not None
    return Trace(
        scenario.name,
        {"bug": bug.name},
        found.statement,
        found.sentence,
        found.steps,
        found.source,
        constants=scenario.constants,
    )


def test_a_trace_survives_its_file(trace: Trace) -> None:
    assert Trace.from_json(trace.to_json()) == trace


def test_a_replay_prints_the_same_bytes(trace: Trace) -> None:
    bug = BUGS["never_reconsiders"]
    prints = {render(trace, replay(build(bug.scenario, swap=bug.replaces), trace.steps)) for _ in range(3)}
    assert len(prints) == 1
    (text,) = prints
    assert text.startswith("VIOLATED eventual_scheduling: No task that a live node could run")
    assert "cluster-wide (raylets=2, tasks=3, crashes=0, gcs=immediate)" in text
    assert text.count("\n  ") >= len(trace.steps)


def test_a_trace_that_no_longer_fits_says_where(trace: Trace) -> None:
    scenario = build("cluster-wide")
    wrong = Taken(Deliver("raylet0", "nowhere"))
    steps = (*trace.steps[:4], wrong, *trace.steps[4:])
    with pytest.raises(TraceMismatch, match=r"step 5 no longer fits the model: raylet0 -> nowhere") as caught:
        replay(scenario, steps)
    assert caught.value.index == 4 and caught.value.offered
    choosing = replace(trace, steps=(Taken(trace.steps[0].step, (3,)), *trace.steps[1:]))
    with pytest.raises(TraceMismatch, match="step 1 no longer fits"):
        replay(scenario, choosing.steps)


def test_the_sound_model_passes_where_the_planted_bug_failed(trace: Trace) -> None:
    assert "breaks nothing" in render(trace, replay(build("cluster-wide"), trace.steps))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "other"}, "not a trace"),
        ({"version": 99}, "version: 99; expected 1"),
        ({"scenario": 3}, "scenario: 3; expected an object"),
        ({"steps": [{"step": "jump", "choices": []}]}, r"steps\[0\].step: 'jump'"),
        ({"steps": [{"step": "deliver", "choices": []}]}, r"steps\[0\].sender: missing"),
        ({"steps": [{"step": "tick", "choices": ["a"]}]}, r"steps\[0\].choices"),
        ({"steps": [{"step": "fault", "kind": "rain", "target": "x", "choices": []}]}, "one of crash"),
    ],
)
def test_documents_that_are_no_traces(trace: Trace, change: dict[str, object], words: str) -> None:
    document = {**json.loads(trace.to_json()), **change}
    with pytest.raises(TraceError, match=words):
        Trace.from_json(json.dumps(document))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00", "[" * 100_000])
def test_text_that_is_no_document(text: str) -> None:
    with pytest.raises(TraceError):
        Trace.from_json(text)
