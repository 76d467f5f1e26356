"""``manifest.json``: where the files of a split come from, how they were cut, and their hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from steelyard.errors import DataError

FILE_NAME = "manifest.json"
SCHEMA = 1


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest; equal manifests make equal bytes."""
    text = json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / FILE_NAME).write_text(text + "\n", encoding="utf-8", newline="\n")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a split. Raises `DataError` when there is none that can be read."""
    path = folder / FILE_NAME
    if not path.is_file():
        raise DataError(f"{folder} holds no {FILE_NAME}: give a folder that data split wrote")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
            raise ValueError(f"schema is not {SCHEMA}")
        hashes = _hashes(manifest)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{path} is no manifest of a split ({error}): split again") from None
    return {**manifest, "hashes": hashes}


def verify(folder: Path | str) -> tuple[str, ...]:
    """Compare the files of a split with its manifest; return what differs, nothing where all is well.

    Raises `DataError` for a folder without a manifest.
    """
    folder = Path(folder).expanduser()
    problems = []
    for name, expected in read_manifest(folder)["hashes"].items():
        path = folder / name
        if not path.is_file():
            problems.append(f"{name} is missing")
        elif sha256_of(path) != expected:
            problems.append(f"{name} has changed since the split")
    return tuple(problems)


def written_by_split(folder: Path) -> frozenset[str]:
    """Names of the files in ``folder`` that a split wrote; none without a manifest."""
    try:
        return frozenset({FILE_NAME, "task.yaml", *read_manifest(folder)["hashes"]})
    except DataError:
        return frozenset()


def _hashes(manifest: Mapping[str, Any]) -> dict[str, str]:
    entries = [*manifest["parts"].values(), *manifest["subsets"]]
    return {cast(str, entry["file"]): cast(str, entry["sha256"]) for entry in entries}
