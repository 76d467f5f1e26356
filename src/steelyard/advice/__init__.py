"""Advice before any data: a few answers, the field's rules of thumb, and what to try first."""

from __future__ import annotations

from steelyard.advice.adviser import advise
from steelyard.advice.base import Advice
from steelyard.advice.data_answers import from_task
from steelyard.advice.situation import Situation, read_answers

__all__ = ["Advice", "Situation", "advise", "from_task", "read_answers"]
