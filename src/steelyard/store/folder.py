"""Files of a run folder."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from steelyard.errors import StorageError
from steelyard.files import (
    NO_ROOM,
    TASK_NAME,
    check_inside,
    check_target,
    make_private,
    open_file,
    real,
    write_whole,
)
from steelyard.store.engine import storage_error

_NOT_ALLOWED = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_RUN_FILES = (
    *("run.log", "result.json", "report.html", "train.html"),
    *("run.db-wal", "run.db-shm", "run.db-journal", "run.db"),
)
_SQLITE = b"SQLite format 3\0"
_RUN_FOLDERS = ("arms", "work", "winner", ".winner.part")
"""With `_RUN_FILES` all that a run writes or removes, but for its lock."""
_RUN_TABLES = frozenset({"runs", "completions"})


@contextmanager
def storage_guard(folder: Path) -> Iterator[None]:
    """Turn the system's "no space", and "not allowed" inside ``folder``, into a `StorageError`."""
    try:
        yield
    except OSError as error:
        place = Path(str(error.filename or folder))
        inside = real(place).is_relative_to(real(folder))
        if error.errno in NO_ROOM or (error.errno in _NOT_ALLOWED and inside):
            raise storage_error(str(place), error) from error
        raise


def make_folder(folder: Path) -> None:
    """Make the run folder, its owner's only; one that is there stays as open as it is.

    A file in its place or a missing permission raises `StorageError`.
    """
    try:
        folder.mkdir(0o700, parents=True, exist_ok=True)
    except FileExistsError as error:
        raise StorageError(f"{folder} is a file: choose another --out") from error
    except OSError as error:
        raise storage_error(str(folder), error) from error


def write_result(path: Path, result: Mapping[str, Any]) -> None:
    """Write ``result.json``; a NaN or an Infinity in it is a bug and raises `ValueError`."""
    write_whole(
        path, json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False) + "\n", private=True
    )


def close_run(folder: Path) -> None:
    """Let only the owner read what a run keeps in ``folder``, what is there already included.

    The database is made here where it is missing: SQLite gives its other files the mode of that.
    """
    for name in ("run.db", "run.log"):  # the mark of a run first: the rest without it is no run's
        if not (folder / name).exists():
            (folder / name).touch(0o600)
    for name in ("arms", "work"):
        (folder / name).mkdir(0o700, exist_ok=True)
    for name in (*_RUN_FOLDERS, *_RUN_FILES, "run.lock"):
        if (folder / name).exists():
            make_private(folder / name)


def replace_folder(new: Path, place: Path) -> None:
    """Put the folder ``new`` in the place of ``place``."""
    remove_folder(place)
    new.replace(place)


def remove_folder(folder: Path) -> None:
    """Remove a folder if it is there."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def check_ours(folder: Path) -> None:
    """Refuse a folder that no run made but that holds what a run would replace or remove.

    Refused as well: a task's folder, one in which that is a file that the run reads, and links.
    """
    if (folder / TASK_NAME).exists():
        raise StorageError(f"{folder} is the folder of a task: choose another --out")
    _check_links(folder)
    for name in (*_RUN_FOLDERS, *_RUN_FILES):
        check_target(folder / name)
    if (folder / "run.db").exists():
        if _is_foreign(folder / "run.db"):
            raise StorageError(
                f"{folder / 'run.db'} is the database of another program: choose another --out"
            )
        return
    clashes = [name for name in (*_RUN_FOLDERS, *_RUN_FILES) if (folder / name).exists()]
    if clashes:
        raise StorageError(
            f"{folder} holds {', '.join(clashes)} but no run.db, so it is not a run folder: "
            "choose another --out"
        )


def _is_foreign(database: Path) -> bool:
    """Whether a sound database of SQLite has tables, and none of a run's."""
    try:
        address = f"{database.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            names = {row[0] for row in rows}
    except sqlite3.Error:  # damaged, or no database: whoever opens it says so
        return False
    return bool(names) and _RUN_TABLES.isdisjoint(names)


def _check_links(folder: Path) -> None:
    """Refuse to write or to remove through a link, which may lead anywhere."""
    for name in (*_RUN_FILES, "run.lock", *_RUN_FOLDERS):
        place = folder / name
        if place.is_symlink():
            raise StorageError(f"{place} is a link: remove it, or choose another --out")
        if place.is_dir() and name in _RUN_FOLDERS:
            try:
                check_inside(place)
            except ValueError as error:
                raise StorageError(
                    f"{place}: {error}: remove it, or choose another --out"
                ) from None


def is_database(folder: Path) -> bool:
    """Whether ``folder/run.db`` begins as a database of SQLite does, damaged or not; or is empty."""
    with open_file(folder / "run.db") as file:
        return file.read(len(_SQLITE)) in (_SQLITE, b"")


def clear_run(folder: Path) -> None:
    """Remove what a run leaves in its folder, and nothing else; last ``run.db``, its mark."""
    for name in _RUN_FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in _RUN_FILES:
        (folder / name).unlink(missing_ok=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the run folder for this process; a second run on it raises `StorageError` at once.

    The lock is the kernel's (``flock``), so that it ends with the process however that dies. Where
    there is no ``flock`` (Windows) only the database's own locks keep two runs apart.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    try:
        handle = os.open(folder / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise storage_error(str(folder), error) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StorageError(
                f"another run is using {folder}: wait for it, or choose another --out"
            ) from error
        yield
    finally:
        os.close(handle)
