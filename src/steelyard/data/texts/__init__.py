"""Languages, damaged encoding and stated facts in texts."""
