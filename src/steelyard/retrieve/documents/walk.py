"""The files of folders, each one once: links are not followed, and what is not a file is told."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from steelyard.errors import DataError
from steelyard.files import real
from steelyard.retrieve.documents.base import FileOutcome

_RUN_MARKS = ("run.db", "run.lock", "arm.json")


class ListedFile(NamedTuple):
    """A file to read, under the name that its document has."""

    name: str
    path: Path


def walk(paths: Sequence[Path], most: int) -> Iterator[ListedFile | FileOutcome]:
    """Yield the files of folders in the order of their names, and what is passed over with its reason.

    Names are relative to the folder, those of several paths to the folder that all of them lie in. Raises
    `DataError` for a path that is not there and for more than ``most`` files.
    """
    read: dict[Path, str] = {}
    for path in paths:
        if not path.exists():
            raise DataError(f"no folder or file {path}")
    for path, prefix in zip(paths, _prefixes(paths) if paths else (), strict=True):
        for item in _under(path, prefix):
            if len(read) >= most:
                raise DataError(f"{path} holds more than {most:,} files: name folders within it")
            if isinstance(item, ListedFile):
                target = real(item.path)
                if target in read:
                    yield FileOutcome(item.name, "skipped", f"it is {read[target]}, which is read")
                    continue
                read[target] = item.name
            yield item


def base_of(paths: Sequence[Path]) -> Path:
    """The folder that names are relative to: the one that is read, or that all of several lie in."""
    places = _absolute(paths)
    if len(paths) == 1:
        return places[0] if paths[0].is_dir() else places[0].parent
    try:
        return Path(os.path.commonpath([place.parent for place in places]))
    except ValueError:
        raise DataError("documents on several drives: name those of one") from None


def _prefixes(paths: Sequence[Path]) -> list[str]:
    """What stands before the names of the files of each path."""
    base = base_of(paths)
    folders = [place if place.is_dir() else place.parent for place in _absolute(paths)]
    return [
        "" if folder == base else f"{folder.relative_to(base).as_posix()}/" for folder in folders
    ]


def _absolute(paths: Sequence[Path]) -> list[Path]:
    return [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100 - a link keeps its name


def _under(root: Path, prefix: str) -> Iterator[ListedFile | FileOutcome]:
    if not root.is_dir():
        yield ListedFile(prefix + root.name, root)
        return
    home = real(root)
    waiting = [(root, prefix)]
    while waiting:
        folder, before = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                items = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield FileOutcome(
                before or ".", "refused", f"cannot be listed: {error.strerror or error}"
            )
            continue
        inner: list[tuple[Path, str]] = []
        for entry in items:
            name = _printable(before + entry.name)
            path = Path(entry.path)
            reason = _passed_over(entry, path, home)
            if reason:
                yield FileOutcome(name, "skipped", reason)
            elif entry.is_dir(follow_symlinks=False):
                inner.append((path, f"{name}/"))
            else:
                yield ListedFile(name, path)
        waiting += reversed(inner)


def _passed_over(entry: os.DirEntry[str], path: Path, home: Path) -> str:
    """Why an entry of a folder is not read; empty where it is."""
    if entry.is_symlink():
        return _about_link(path, home)
    is_folder = entry.is_dir(follow_symlinks=False)
    if entry.name.startswith("."):
        return "a hidden folder" if is_folder else "a hidden file"
    if is_folder:
        is_run = any((path / mark).is_file() for mark in _RUN_MARKS)
        return "a run of Steelyard: what it answered is no document" if is_run else ""
    mode = entry.stat(follow_symlinks=False).st_mode
    return "" if stat.S_ISREG(mode) else "no regular file (a pipe, a socket or a device)"


def _about_link(path: Path, home: Path) -> str:
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):  # links in a circle
        return "a link that leads nowhere"
    if not target.is_relative_to(home):
        return "a link that leads out of the folder: links are not followed"
    if path.is_relative_to(target) or path.parent.resolve().is_relative_to(target):
        return "a link to a folder that it lies in"
    return f"a link to {_printable(target.relative_to(home).as_posix())}: links are not followed"


def _printable(name: str) -> str:
    """A name that UTF-8 can hold: bytes of a name that are no text are shown as such."""
    return name.encode("utf-8", "backslashreplace").decode()
