"""The task: ``task.yaml`` as a whole, checked before anything is spent."""

from __future__ import annotations

from steelyard.task.config import Task, build_task, load_task
from steelyard.task.from_rows import with_labels

__all__ = ["Task", "build_task", "load_task", "with_labels"]
