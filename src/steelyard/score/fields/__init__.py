"""Typed comparison of JSON documents, field by field."""

from __future__ import annotations

from steelyard.score.fields.tally import Tally, tally
from steelyard.score.fields.types import Likeness, types_of

__all__ = ["Likeness", "Tally", "tally", "types_of"]
