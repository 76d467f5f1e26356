"""Damaged encoding and stated facts in texts."""
