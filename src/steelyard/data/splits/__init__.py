"""Splits: where rows go, and what is written of it."""
