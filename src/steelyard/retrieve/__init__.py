"""Texts to be found: an index of passages per file, behind one small protocol."""
