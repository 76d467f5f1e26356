"""A name in the user's own Python: ``file.py:name``, or ``package.module:name``."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from steelyard.errors import ConfigError, closest, closest_file
from steelyard.files import expanded, note_source, real
from steelyard.words import one_line

log = logging.getLogger("steelyard")
_announced: set[tuple[str, Path]] = set()


def load_name(reference: str, folder: Path, what: str) -> Any:
    """Return what ``reference`` names; a file's path starts at ``folder``, and it is run once.

    It can import modules in its own folder. That it runs is logged as a warning. ``what`` says in
    the error whose reference it is. Raises `ConfigError` where there is no such file, module or
    name, or where it fails to load.
    """
    place, _, name = reference.rpartition(":")
    if not place or not name.isidentifier():
        raise ConfigError(f"{what}: {reference!r} is not valid: write file.py:name or module:name")
    _announce(reference, folder)
    module = _from_file(folder, place, what) if place.endswith(".py") else _module(place, what)
    try:
        return getattr(module, name)
    except AttributeError:
        public = [attribute for attribute in vars(module) if not attribute.startswith("_")]
        raise ConfigError(f"{what}: {place} defines no {name!r}{closest(name, public)}") from None


def _announce(reference: str, folder: Path) -> None:
    """Say, once for each name, that code is about to run: a task may come from a stranger."""
    if (reference, folder) not in _announced:
        _announced.add((reference, folder))
        log.warning("runs your code: %s", reference)


def _from_file(folder: Path, place: str, what: str) -> ModuleType:
    path = real(folder / expanded(place))
    if not path.is_file():
        neighbours = path.parent.glob("*.py") if path.parent.is_dir() else ()
        hint = closest_file(path.name, [neighbour.name for neighbour in neighbours])
        raise ConfigError(f"{what}: no file {path}{hint}")
    note_source(path)
    name = f"steelyard_user_{path.stem}_{abs(hash(path)):x}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{what}: {path} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pydantic look up their module
    try:
        with _importable(path.parent):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever the user's file raises
        del sys.modules[name]
        raise ConfigError(f"{what}: {path} fails to load: {explained(error, path)}") from error
    return module


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let modules in ``folder`` be imported, and leave no compiled files there."""
    written = sys.dont_write_bytecode
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = written
        sys.path.remove(str(folder))


def _module(place: str, what: str) -> ModuleType:
    try:
        return importlib.import_module(place)
    except ImportError as error:
        raise ConfigError(f"{what}: cannot import {place!r}: {error}") from error
    except (Exception, SystemExit) as error:  # whatever the user's module raises
        raise ConfigError(f"{what}: {place} fails to load: {explained(error)}") from error


def explained(error: BaseException, file: Path | None = None) -> str:
    """One line for an exception out of the user's code, with the line of ``file`` it came from."""
    text = one_line(f"{type(error).__name__}: {error}", 300)
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if file is not None and Path(frame.filename) == file]
    return f"{text} (line {lines[-1]})" if lines else text
