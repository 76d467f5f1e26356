"""The task: ``task.yaml``, reading examples, the split and the data audit."""

from __future__ import annotations

from steelyard.task.audit import AuditInput, audit
from steelyard.task.config import Task, build_task, load_task, with_labels
from steelyard.task.formats import BadRow
from steelyard.task.leaks import check_split
from steelyard.task.model_choice import ModelConfig, parse_model
from steelyard.task.normalise import normalise
from steelyard.task.prepare import Prepared, infer_labels, prepare
from steelyard.task.read import BadRowsError, ReadResult, read_examples
from steelyard.task.rows import has_references
from steelyard.task.split import SplitResult, split_examples
from steelyard.task.starter import init_from_example, init_from_file, list_examples

__all__ = [
    "AuditInput",
    "BadRow",
    "BadRowsError",
    "ModelConfig",
    "Prepared",
    "ReadResult",
    "SplitResult",
    "Task",
    "audit",
    "build_task",
    "check_split",
    "has_references",
    "infer_labels",
    "init_from_example",
    "init_from_file",
    "list_examples",
    "load_task",
    "normalise",
    "parse_model",
    "prepare",
    "read_examples",
    "split_examples",
    "with_labels",
]
