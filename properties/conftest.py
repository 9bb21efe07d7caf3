"""Profiles of the property suite; choose one with `pytest properties/ --hypothesis-profile=thorough`."""

from hypothesis import HealthCheck, settings

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

settings.register_profile("quick", PATIENT, max_examples=100, derandomize=True)
settings.register_profile("thorough", PATIENT, max_examples=5_000)
settings.load_profile("quick")
