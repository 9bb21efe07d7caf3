"""The page about detection is made from the file of results, and says what it has to say."""

import json
from pathlib import Path

from benchmarks.detection import PAGE, RESULTS
from benchmarks.detection_report import report, searched, walked

DONE = json.loads(Path(RESULTS).read_text(encoding="utf-8"))


def test_the_page_is_the_one_that_the_results_make() -> None:
    assert PAGE.read_text(encoding="utf-8") == report(DONE)


def test_no_alarm_of_the_correct_model_is_on_record() -> None:
    assert not [key for key, found in DONE.items() if key.startswith("correct ") and found["alarm"]]


def test_a_kill_by_walks_is_one_in_the_median() -> None:
    runs = {f"walk D01 {seed}": {"result": "killed" if seed < 2 else "survived"} for seed in range(4)}
    assert not walked(runs, "D01")
    assert walked({**runs, "walk D01 4": {"result": "killed"}}, "D01")
    assert searched({**runs, "explore D01": {"result": "killed"}}, "D01")
    assert not searched({}, "D01")


def test_a_page_of_nothing_says_that_nothing_was_measured() -> None:
    page = report({})
    assert "not measured" in page and "D01" in page and "(e) and memory that runs short" in page
