"""Curves of a training for other programs: TensorBoard and MLflow, each an extra."""

from __future__ import annotations

from steelyard.train.tracking.base import CurveLog, LogTarget
from steelyard.train.tracking.watch import CurveLogs, open_logs

__all__ = ["CurveLog", "CurveLogs", "LogTarget", "open_logs"]
