"""The memory of a run: what was asked, answered and measured."""
