"""Rows that are alike: in letters, in meaning, in what they ask."""
