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


class ListedFile(NamedTuple):
    """A file to read, under the name that its document has."""

    name: str
    path: Path


def walk(paths: Sequence[Path], most: int) -> Iterator[ListedFile | FileOutcome]:
    """Yield the files of folders in the order of their names, and what is passed over with its reason.

    Names are relative to the folder; with several paths the folder's own name stands in front. Raises
    `DataError` for a path that is not there, two files of one name, and more than ``most`` files.
    """
    read: dict[Path, str] = {}
    names: dict[str, Path] = {}
    for place, path in enumerate(paths):
        if not path.exists():
            raise DataError(f"no folder or file {path}")
        several = len(paths) > 1
        for item in _under(path, f"{path.resolve().name}/" if several and path.is_dir() else ""):
            if place == 0 and len(names) > most:
                raise DataError(f"{path} holds more than {most:,} files: name folders within it")
            if isinstance(item, ListedFile):
                target = real(item.path)
                if target in read:
                    yield FileOutcome(item.name, "skipped", f"it is {read[target]}, which is read")
                    continue
                if item.name in names:
                    raise DataError(
                        f"two documents would be named {item.name}: {names[item.name]} and {item.path}; "
                        "name the folder above them"
                    )
                read[target], names[item.name] = item.name, item.path
            yield item


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
        return ""
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
