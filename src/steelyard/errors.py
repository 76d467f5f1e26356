"""Every error Steelyard raises on purpose, in one tree.

SteelyardError                 a mistake or a limit the user can act on; printed as one line, exit code 2
├── ConfigError                task.yaml or an option is wrong
├── DataError                  examples cannot be read, split or used
├── MissingExtraError          an optional dependency is not installed
├── ModelError                 a model cannot be loaded or reached
│   ├── FitError               a strategy cannot be fitted, though its model answers
│   └── EndpointError          a hosted model's endpoint is missing, or no longer serves
│       └── CredentialError    the endpoint refused the key, or the key is missing
│           └── UntrustedKeyError  nobody has agreed that this key goes to this address
├── BudgetError                what --max-cost allows is spent
├── ArmError                   a saved arm cannot be loaded or answers differently than it was measured
└── StorageError               the run folder or database cannot be written
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import PurePath

NAMES_ALIKE, STEMS_ALIKE = 0.9, 0.75
"""How alike names of files must be for one to be suggested: whole, or without their endings."""


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


class FitError(ModelError):
    """A strategy cannot be fitted on what it found, though its model answers: a run goes on without it."""


class EndpointError(ModelError):
    """A hosted model's endpoint is missing, or no longer serves; the message is the reason.

    ``unserved`` are the indices of requests that ended as failures of the endpoint: they say nothing
    about the model, and are asked again; what they cost is paid all the same. Where it ``is_final``,
    asking again cannot help before somebody corrects the key, the name, the address or the account.
    """

    def __init__(
        self, message: str, unserved: Iterable[int] = (), *, is_final: bool = False
    ) -> None:
        super().__init__(message)
        self.unserved = frozenset(unserved)
        self.is_final = is_final


class CredentialError(EndpointError):
    """The endpoint refused the key, or the environment has none."""

    def __init__(self, message: str) -> None:
        super().__init__(message, is_final=True)


class UntrustedKeyError(CredentialError):
    """A key would go to an address that is not its vendor's and that the user has not agreed to.

    ``variable`` is the environment variable that holds the key, ``origin`` scheme, host and port.
    """

    def __init__(self, variable: str, origin: str) -> None:
        super().__init__(
            f"the key in {variable} would be sent to {origin}, and you have not agreed to that: if you "
            "trust this address with this key, add --trust to the command, once"
        )
        self.variable, self.origin = variable, origin


class BudgetError(SteelyardError):
    """What ``--max-cost`` allows is spent; everything that was answered is kept.

    ``unserved`` is that of an `EndpointError`.
    """

    unserved: frozenset[int] = frozenset()


class ArmError(SteelyardError):
    """A saved arm cannot be loaded, or does not answer as it did when measured."""


class StorageError(SteelyardError):
    """The run folder or its database cannot be written."""


def closest_file(name: str, names: Iterable[str]) -> str:
    """Like `closest` for names of files, whose endings alone make them look alike."""
    stem = PurePath(name).stem
    return closest(
        name,
        [
            candidate
            for candidate in names
            if _likeness(name, candidate) >= NAMES_ALIKE
            or _likeness(stem, PurePath(candidate).stem) >= STEMS_ALIKE
        ],
    )


def _likeness(name: str, other: str) -> float:
    return difflib.SequenceMatcher(None, name, other).ratio()


def closest(name: str, names: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the closest known name, or an empty string."""
    matches = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f" (did you mean {matches[0]!r}?)" if matches else ""
