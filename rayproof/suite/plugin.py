"""The hooks of `pytest properties/`; `properties/conftest.py` takes them in, and nothing else does."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from rayproof.model.kernel import PolicyError
from rayproof.policies import put_again, questions
from rayproof.properties.catalogue import CATALOGUE
from rayproof.properties.entry import Edition
from rayproof.properties.suite.drawn import FAMILIES, from_bytes
from rayproof.properties.suite.shared import (
    CounterexampleFoundError,
    OnItsClockError,
    Suite,
    UndeterminedError,
    begin,
    present,
)
from rayproof.suite import found, summary
from rayproof.suite.corpus import Outcome, again, corpus
from rayproof.suite.fingerprints import Fingerprints, fingerprints_of
from rayproof.suite.options import Options, add_options, read_options, require_profile

OPTIONS = pytest.StashKey[Options]()
FINGERPRINTS = pytest.StashKey[Fingerprints]()

MARKER = "rayproof_scenario(name, only=None): the scenario that a test is about, and its statement if it is about one"
CORPUS = "old_counterexample"
"""Parameter of the test that replays what was found before."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, all prefixed."""
    add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """A profile that nobody knows is refused before Hypothesis would load it, with a stack."""
    require_profile(config)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Read the options, after Hypothesis has loaded its profile; the tests find them in the suite of this session."""
    config.addinivalue_line("markers", MARKER)
    options = config.stash[OPTIONS] = read_options(config)
    config.stash[FINGERPRINTS] = fingerprints_of(options.policy)
    policy = options.policy
    begin(
        Suite(
            policy=None if policy is None else policy.policy,
            policy_spec=None if policy is None else policy.spec,
            only=options.only,
            seed=options.seed,
            profile=options.profile,
        )
    )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Every worker draws from the same seed (pytest-xdist)."""
    node.workerinput["rayproof_seed"] = node.config.stash[OPTIONS].seed


def pytest_report_header(config: pytest.Config) -> list[str]:
    """What the answers depend on."""
    return summary.header(config.stash[OPTIONS], config.stash[FINGERPRINTS])


def pytest_sessionstart(session: pytest.Session) -> None:
    """Versions and bounds also go into the junit report."""
    summary.add_global_properties(session.config, session.config.stash[OPTIONS], session.config.stash[FINGERPRINTS])


# ---- which tests ----------------------------------------------------------------------------------------------------


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per counterexample that is kept."""
    if CORPUS in metafunc.fixturenames:
        files = corpus(metafunc.config.stash[OPTIONS].out)
        metafunc.parametrize(CORPUS, files, ids=[path.stem for path in files])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Old counterexamples first; what was not asked for is deselected."""
    options = config.stash[OPTIONS]
    if not corpus(options.out):
        items[:] = [item for item in items if not _is_of_corpus(item)]
    left_out = [item for item in items if not _wanted(item, options)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]
    items.sort(key=lambda item: not _is_of_corpus(item))


def _is_of_corpus(item: pytest.Item) -> bool:
    return CORPUS in getattr(item, "fixturenames", ())


def _wanted(item: pytest.Item, options: Options) -> bool:
    marker = item.get_closest_marker("rayproof_scenario")
    if options.edition is None and options.only is None:
        return True
    if marker is None:
        # Tests of drivers and engines are about no statement; what the corpus holds is looked at one by one.
        return options.only is None or _is_of_corpus(item)
    if marker.kwargs.get("only") is not None and options.only not in (None, marker.kwargs["only"]):
        return False
    name = marker.args[0]
    entry = FAMILIES.get(name) or CATALOGUE[name]
    if options.edition is not None and entry.edition not in (options.edition, Edition.BOTH):
        return False
    if options.only is None:
        return True
    if name in FAMILIES:
        scenario = FAMILIES[name].scenario(FAMILIES[name].draw(from_bytes(b"")))
    else:
        scenario = CATALOGUE[name].build(None, {})
    return options.only in {statement.name for statement in scenario.statements}


# ---- results --------------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """What a test has found out becomes properties of its report: they reach the summary and the junit file."""
    present().taken()
    policy = present().policy
    before = questions(policy)
    try:
        result = yield
        broken = put_again(policy)
        if broken is not None:
            # The policy breaks the rule at that question from now on: the same run again ends there, with its steps.
            present().taken()
            item.runtest()
            raise broken
        return result
    finally:
        if before is not None:
            item.user_properties.append((summary.QUESTIONS, (questions(policy) or 0) - before))
        item.user_properties += [summary.as_property(row, present().seed) for row in present().taken()]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A counterexample is the whole report of the test that found it."""
    report = yield
    error = call.excinfo.value if call.excinfo is not None else None
    if isinstance(error, CounterexampleFoundError):
        options = item.config.stash[OPTIONS]
        text = found.report(error.finding, options.seed, options.out, item.config.stash[FINGERPRINTS]).text
    elif isinstance(error, OnItsClockError):
        text = str(error)
    elif isinstance(error, PolicyError):
        text = f"VIOLATED {error.rule}: {error}"
    elif isinstance(error, UndeterminedError):
        text = f"UNDETERMINED: {error}"
    else:
        return report
    report.longrepr = _without_a_stack(text, error)
    return report


class _ToldError(Exception):
    """Carries what a report says."""


def _without_a_stack(text: str, error: Exception) -> Any:
    """The text and nothing else; of it, pytest's short summary (whole where `CI` is set) has the first line."""
    told = _ToldError(text)
    shown = pytest.ExceptionInfo.from_exception(told.with_traceback(error.__traceback__)).getrepr(style="value")
    if shown.reprcrash is not None:
        shown.reprcrash.message = text.partition("\n")[0]
    return shown


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The table of answers."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    calls = [report for report in reports if getattr(report, "when", "") == "call"]
    rows = [row for report in calls for row in summary.rows_of(report.user_properties)]
    policy = config.stash[OPTIONS].policy
    if policy is not None and questions(policy.policy) is not None:
        asked = sum(int(str(n)) for report in calls for name, n in report.user_properties if name == summary.QUESTIONS)
        terminalreporter.line(f"rayproof: policy {policy.name}: {asked:,} questions, answered twice")
    summary.show(terminalreporter, rows, config.stash[OPTIONS].seed, verbose=config.get_verbosity() > 0)


@pytest.fixture
def replayed(old_counterexample: Any, request: pytest.FixtureRequest) -> str:
    """The print of an old counterexample that is still one; empty when it is none any more. Skips stale ones."""
    options = request.config.stash[OPTIONS]
    spec = None if options.policy is None else options.policy.spec
    shown = again(old_counterexample, spec, request.config.stash[FINGERPRINTS])
    if shown.outcome is Outcome.STALE:
        pytest.skip(f"stale counterexample {old_counterexample.name}: {shown.text}")
    return shown.text if shown.outcome is Outcome.BROKEN else ""
