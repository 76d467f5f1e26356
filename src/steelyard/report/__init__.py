"""The report: one HTML file, a terminal table, the verdict as text. It computes no figure."""

from __future__ import annotations

from steelyard.report.audit import audit_text
from steelyard.report.html import render, render_audit, render_training
from steelyard.report.terminal import table, verdict_text

__all__ = ["audit_text", "render", "render_audit", "render_training", "table", "verdict_text"]
