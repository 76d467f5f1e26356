"""An index in a folder: its files lie in a folder of their own, named by what is in them.

``index.json`` names the one that counts. It is replaced in one step after all files are on disk, so a
reader, or a kill at any moment, sees the index before or the index after. Files are mapped, not read.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from steelyard.config.records import read_as
from steelyard.errors import ConfigError, StorageError
from steelyard.files import cannot_write, hash_file, parse_json, read_file, read_json, write_whole
from steelyard.retrieve.arrays import map_array
from steelyard.retrieve.base import Passage
from steelyard.retrieve.index.labels import Labels
from steelyard.retrieve.index.lexical import Postings
from steelyard.retrieve.index.settings import FinderSettings
from steelyard.retrieve.index.stored import (
    HASH_BYTES,
    Hashes,
    StoredPassages,
    check_starts,
    write_passages,
)

MANIFEST = "index.json"
VERSION = 1
_GENERATION = "index-"
_SCRATCH = ".index-"
_NAME_LETTERS = 16


@dataclass(frozen=True)
class IndexParts:
    """All that an index consists of.

    ``encoder`` is the fingerprint of what made the vectors, ``recipe`` what builds that again.
    """

    settings: FinderSettings
    passages: Sequence[Passage]
    hashes: Hashes
    postings: Postings
    labels: Labels
    vectors: Any = None
    vector_starts: Any = None
    encoder: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Manifest:
    version: int
    files: str
    settings: FinderSettings
    passages: int
    encoder: str
    recipe: dict[str, Any]
    bytes: dict[str, int]


def has_index(folder: Path) -> bool:
    """Whether an index was written to ``folder``."""
    return (folder / MANIFEST).is_file()


def write_index(parts: IndexParts, folder: Path) -> None:
    """Write the index; one that is there is replaced in one step. Raises `StorageError`."""
    try:
        with _one_writer(folder):
            _clear(folder)
            scratch = folder / f"{_SCRATCH}{os.getpid()}"
            scratch.mkdir()
            _write_files(parts, scratch)
            sizes, name = _finish(scratch)
            if not (folder / name).is_dir():  # else it holds the same
                scratch.rename(folder / name)
            count, made_by = len(parts.passages), (parts.encoder, dict(parts.recipe))
            manifest = _Manifest(VERSION, name, parts.settings, count, *made_by, sizes)
            text = json.dumps(asdict(manifest), indent=1, ensure_ascii=False)
            write_whole(folder / MANIFEST, text + "\n")
            _remove(folder, _GENERATION, name)
            _clear(folder)
    except OSError as error:
        raise cannot_write(folder, error) from None


def read_parts(folder: Path) -> IndexParts:
    """Read what `write_index` wrote. Raises `ValueError` and its like for anything else."""
    manifest = _read_manifest(folder)
    try:
        return _read_files(folder / manifest.files, manifest)
    except FileNotFoundError:
        again = _read_manifest(folder)
        if again.files == manifest.files:
            raise
        return _read_files(folder / again.files, again)  # it was replaced in between


def _write_files(parts: IndexParts, folder: Path) -> None:
    postings, labels = parts.postings, parts.labels
    write_passages(parts.passages, folder)
    _write_json(folder / "terms.json", postings.terms)
    _write_json(folder / "labels.json", labels.pairs)
    arrays: dict[str, Any] = {
        "hashes": parts.hashes,
        "term_starts": postings.starts,
        "term_passages": postings.passages,
        "term_counts": postings.counts,
        "lengths": postings.lengths,
        "label_starts": labels.starts,
        "label_passages": labels.passages,
    }
    if parts.vectors is not None:
        arrays |= {"vectors": parts.vectors, "vector_starts": parts.vector_starts}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)


def _finish(folder: Path) -> tuple[dict[str, int], str]:
    """Bring all files to disk; return their sizes, and a name made of what is in them."""
    sizes: dict[str, int] = {}
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        with path.open("rb+") as file:
            os.fsync(file.fileno())
        sizes[path.name] = path.stat().st_size
        digest.update(f"{path.name} {hash_file(path)}\n".encode())
    return sizes, _GENERATION + digest.hexdigest()[:_NAME_LETTERS]


def _read_manifest(folder: Path) -> _Manifest:
    data = read_json(folder / MANIFEST)
    version = data.get("version") if isinstance(data, dict) else None
    if version != VERSION:
        raise ValueError(f"{MANIFEST} has the version {version!r}, not {VERSION}")
    try:
        manifest: _Manifest = read_as(_Manifest, data, MANIFEST)
    except ConfigError as error:
        raise ValueError(f"{MANIFEST}: {error}") from None
    if Path(manifest.files).name != manifest.files or not manifest.files.startswith(_GENERATION):
        raise ValueError(f"{MANIFEST} names the folder {manifest.files!r}")
    return manifest


def _read_files(folder: Path, manifest: _Manifest) -> IndexParts:
    for name, size in manifest.bytes.items():
        if Path(name).name != name or (folder / name).stat().st_size != size:
            raise ValueError(f"{name} has not the {size:,} bytes that {MANIFEST} says")
    passages = StoredPassages(folder)
    count = len(passages)
    hashes = map_array(folder / "hashes.npy", np.uint8, 2)
    if manifest.passages != count or hashes.shape != (count, HASH_BYTES):
        raise ValueError(f"{MANIFEST} says {manifest.passages} passages, there are {count}")
    vectors, starts = _read_vectors(folder, count) if manifest.encoder else (None, None)
    if vectors is None and manifest.settings.needs_encoder:
        raise ValueError(f"{MANIFEST} asks for {manifest.settings} without vectors")
    return IndexParts(
        manifest.settings,
        passages,
        hashes,
        _read_postings(folder, count),
        _read_labels(folder, count),
        vectors,
        starts,
        manifest.encoder,
        manifest.recipe,
    )


def _read_postings(folder: Path, count: int) -> Postings:
    terms = read_as(tuple[str, ...], _read_json(folder / "terms.json"), "terms.json")
    starts = map_array(folder / "term_starts.npy", np.int64, 1)
    passages = map_array(folder / "term_passages.npy", np.int32, 1)
    counts = map_array(folder / "term_counts.npy", np.int32, 1)
    lengths = map_array(folder / "lengths.npy", np.int32, 1)
    check_starts(starts, len(passages), "term_starts.npy")
    fits = len(starts) == len(set(terms)) + 1 == len(terms) + 1 and len(lengths) == count
    if not fits or len(counts) != len(passages) or (len(counts) and counts.min() < 1):
        raise ValueError("terms.json and its arrays do not fit each other")
    _check_places(passages, count, "term_passages.npy")
    return Postings(terms, starts, passages, counts, lengths)


def _read_labels(folder: Path, count: int) -> Labels:
    pairs = read_as(tuple[tuple[str, str], ...], _read_json(folder / "labels.json"), "labels.json")
    starts = map_array(folder / "label_starts.npy", np.int64, 1)
    passages = map_array(folder / "label_passages.npy", np.int32, 1)
    check_starts(starts, len(passages), "label_starts.npy")
    if len(starts) != len(pairs) + 1:
        raise ValueError("labels.json and its arrays do not fit each other")
    _check_places(passages, count, "label_passages.npy")
    return Labels(pairs, starts, passages, count)


def _read_vectors(folder: Path, count: int) -> tuple[Any, Any]:
    vectors = map_array(folder / "vectors.npy", np.float32, 2)
    starts = map_array(folder / "vector_starts.npy", np.int64, 1)
    check_starts(starts, len(vectors), "vector_starts.npy")
    if len(starts) != count + 1:
        raise ValueError("vector_starts.npy does not fit the passages")
    return vectors, starts


def _check_places(places: Any, count: int, name: str) -> None:
    if len(places) and not (places.min() >= 0 and places.max() < count):
        raise ValueError(f"{name} names passages that are not there")


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value), encoding="ascii")


def _read_json(path: Path) -> Any:
    return parse_json(read_file(path).decode("ascii"))


def _clear(folder: Path) -> None:
    """Remove what a killed writer left; there is no other one now."""
    for path in folder.glob(f".{MANIFEST}.*.part"):
        path.unlink(missing_ok=True)
    _remove(folder, _SCRATCH)


def _remove(folder: Path, prefix: str, but: str = "") -> None:
    """Remove folders. A kill may leave half of one: never under a name that an index may have."""
    for number, path in enumerate(folder.glob(f"{prefix}*")):
        if path.is_dir() and not path.is_symlink() and path.name != but:
            grave = folder / f"{_SCRATCH}{os.getpid()}-{number}"
            with suppress(OSError):  # Windows: somebody reads it
                path.rename(grave)
                shutil.rmtree(grave)


@contextmanager
def _one_writer(folder: Path) -> Iterator[None]:
    """Keep other processes from writing to ``folder`` meanwhile; the kernel's lock ends with this one.

    Without ``flock`` (Windows) nothing does.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise StorageError(f"another process is writing the index in {folder}: try again") from None
    finally:
        os.close(handle)
