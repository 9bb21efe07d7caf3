"""Profiles of the property suite (`pytest properties/ --hypothesis-profile=thorough`), and its options and reports."""

from hypothesis import HealthCheck, settings

from rayproof.properties.suite.shared import PROFILES, SCHEDULES
from rayproof.suite.plugin import (
    pytest_addoption,
    pytest_cmdline_main,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_configure_node,
    pytest_generate_tests,
    pytest_report_header,
    pytest_runtest_call,
    pytest_runtest_makereport,
    pytest_sessionstart,
    pytest_terminal_summary,
    replayed,
)

__all__ = [
    "pytest_addoption",
    "pytest_cmdline_main",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_configure_node",
    "pytest_generate_tests",
    "pytest_report_header",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
    "pytest_sessionstart",
    "pytest_terminal_summary",
    "replayed",
]

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

for _name, (_factor, _) in PROFILES.items():
    settings.register_profile(_name, PATIENT, max_examples=SCHEDULES * _factor, derandomize=_name in ("quick", "ci"))
settings.load_profile("quick")
