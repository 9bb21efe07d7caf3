"""Placement groups: gangs of bundles that are reserved all together or not at all."""
