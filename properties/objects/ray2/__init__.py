"""Stores, transfer and admission of pulls."""
