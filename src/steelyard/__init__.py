"""Steelyard weighs the ways of adapting a language model to one task, on your own data.

The public names are imported when first used, so that ``import steelyard`` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from steelyard._version import __version__
from steelyard.errors import (
    ArmError,
    ConfigError,
    CredentialError,
    DataError,
    MissingExtraError,
    ModelError,
    SteelyardError,
    StorageError,
)

if TYPE_CHECKING:
    from steelyard import data
    from steelyard.run import RunResult, load, run
    from steelyard.run.ahead import plan
    from steelyard.task import Task, init_from_example, init_from_file, load_task

_LAZY = {
    "RunResult": "steelyard.run",
    "Task": "steelyard.task",
    "init_from_example": "steelyard.task",
    "init_from_file": "steelyard.task",
    "load": "steelyard.run",
    "load_task": "steelyard.task",
    "plan": "steelyard.run.ahead",
    "run": "steelyard.run",
}

__all__ = [
    "ArmError",
    "ConfigError",
    "CredentialError",
    "DataError",
    "MissingExtraError",
    "ModelError",
    "RunResult",
    "SteelyardError",
    "StorageError",
    "Task",
    "__version__",
    "data",
    "init_from_example",
    "init_from_file",
    "load",
    "load_task",
    "plan",
    "run",
]


def __getattr__(name: str) -> Any:
    if name == "data":
        return import_module("steelyard.data")
    if name not in _LAZY:
        raise AttributeError(f"module 'steelyard' has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
