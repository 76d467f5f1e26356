"""The report: one HTML file, a terminal table, the verdict as text. It computes no figure."""

from __future__ import annotations

from steelyard.report.html import render
from steelyard.report.terminal import table, verdict_text

__all__ = ["render", "table", "verdict_text"]
