"""Where converted weights and measurements are remembered between runs."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from steelyard import files
from steelyard.errors import StorageError
from steelyard.files import hash_file, write_whole


def cache_folder() -> Path:
    """Steelyard's cache: ``$STEELYARD_CACHE``, or ``steelyard`` below the user's cache folder."""
    setting = os.environ.get("STEELYARD_CACHE")
    if setting:
        return Path(setting)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "steelyard"


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that readers see the old or the new content, never a part."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}; set STEELYARD_CACHE") from error


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; empty where there is none that can be read."""
    try:
        content = files.read_json(path)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def build_folder(folder: Path, build: Callable[[Path], None]) -> Path:
    """Make ``folder`` with ``build(temporary)`` unless it exists; complete or absent, never partial."""
    if folder.is_dir():
        return folder
    temporary = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        build(temporary)
        try:
            temporary.replace(folder)
        except OSError:
            if not folder.is_dir():  # somebody else was faster, which is as good
                raise
    except OSError as error:
        raise StorageError(
            f"cannot write {folder}: {error.strerror or error}; free some space or set STEELYARD_CACHE"
        ) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    return folder


def hash_folder(folder: Path, pattern: str = "*") -> str:
    """SHA-256 over the names and bytes of a folder's files, in order of name."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob(pattern)):
        if path.is_file():
            digest.update(f"{path.name}\0{hash_file(path)}\n".encode())
    return digest.hexdigest()
