"""The front door: ``steelyard VERB …``, a verb per file, each a thin shell over a function."""

from __future__ import annotations

from steelyard.cli.app import main

__all__ = ["main"]
