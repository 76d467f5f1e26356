"""Every error Steelyard raises on purpose, in one tree.

SteelyardError                 a mistake or a limit the user can act on; printed as one line, exit code 2
├── ConfigError                task.yaml or an option is wrong
├── DataError                  examples cannot be read, split or used
├── MissingExtraError          an optional dependency is not installed
├── ModelError                 a model cannot be loaded or reached
│   └── CredentialError        the endpoint refused the key, or there is none
├── ArmError                   a saved arm cannot be loaded or answers differently than it was measured
└── StorageError               the run folder or database cannot be written
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SteelyardError(Exception):
    """A mistake or a limit the user can act on. The message is one line: what, which value, what next."""

    exit_code = 2


class ConfigError(SteelyardError):
    """``task.yaml`` or a command line option is wrong."""


class DataError(SteelyardError):
    """The examples cannot be read, split or used."""


class MissingExtraError(SteelyardError):
    """An optional dependency is not installed; the message carries the exact install command."""


class ModelError(SteelyardError):
    """A model cannot be loaded or reached."""


class CredentialError(ModelError):
    """The endpoint refused the key, or the environment holds none."""


class ArmError(SteelyardError):
    """A saved arm cannot be loaded, or does not answer as it did when measured."""


class StorageError(SteelyardError):
    """The run folder or its database cannot be written."""


def closest(name: str, known: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the closest known name, or an empty string."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" (did you mean {matches[0]!r}?)" if matches else ""
