"""Measurements. CPU seconds throughout, each figure the median of several runs; ratios are taken within one run."""
