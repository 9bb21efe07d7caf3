"""Measurements, one package a subject."""
