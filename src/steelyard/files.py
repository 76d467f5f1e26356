"""Files and folders written whole or not at all, and read only where they are what they seem."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from io import FileIO
from itertools import islice
from pathlib import Path
from typing import Any

from steelyard.errors import ConfigError, StorageError

NO_ROOM = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO})
"""Of an `OSError`: nothing more can be written there."""

TASK_NAME = "task.yaml"
_LONGEST_TASK = 2**20  # characters of a task.yaml that are searched for a name
_LEVELS_TO_TASK = 4
_MOST_SOURCES = 100_000  # files of a folder: a task may name the root as its documents

_DATA_KEYS = re.compile(r"\b(?:examples|train|dev|test|documents)\b")

_Identity = tuple[int, int]
_sources: ContextVar[set[_Identity] | None] = ContextVar("sources", default=None)
"""The files that the command at work has read; ``None`` outside of a command."""


@contextmanager
def sources_kept() -> Iterator[None]:
    """Refuse, while inside, to write over a file that was read inside; see `check_target`."""
    if _sources.get() is not None:
        yield
        return
    token = _sources.set(set())
    try:
        yield
    finally:
        _sources.reset(token)


def note_source(path: Path) -> None:
    """Note that the command at work reads ``path``, a file or a folder with all its files."""
    sources = _sources.get()
    if sources is not None:
        sources |= set(islice(_identities(path), _MOST_SOURCES))


def check_target(path: Path) -> None:
    """Refuse that a command replaces, or appends to, a file that it read or that is a task's.

    Nor does any take the place of a device or a pipe: ``/dev/null`` belongs to the whole machine.
    A file is known by what it is and not by its name, so links and other spellings of a path do not
    matter. A task is known by its ``task.yaml``, there or in a folder above, that names the file.
    Raises `ConfigError`.
    """
    if is_special(path):
        raise ConfigError(f"{path} is a device or a pipe: choose another place to write to")
    sources = _sources.get()
    if sources is None:
        return
    if not sources.isdisjoint(_identities(path)):
        what = "holds" if path.is_dir() else "is"
        raise ConfigError(
            f"{path} {what} a file that this command reads: choose another place to write to"
        )
    if path.exists() and (task := _task_naming(path)) is not None:
        raise ConfigError(f"{path} belongs to the task {task}: choose another place to write to")


def is_special(path: Path) -> bool:
    """Whether something is there that is neither a file nor a folder."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _identities(path: Path) -> Iterator[_Identity]:
    """The file's, or those of all files in a folder."""
    files: Iterable[Path] = [path]
    if path.is_dir():
        files = (Path(at, name) for at, _, names in os.walk(path) for name in names)
    for file in files:
        with suppress(OSError, ValueError):  # one that is not there cannot be overwritten
            state = file.stat()
            yield state.st_dev, state.st_ino


def _task_naming(path: Path) -> Path | None:
    """The ``task.yaml`` that ``path`` is, or that names it by its path from there."""
    real = path.resolve()
    for folder in real.parents[:_LEVELS_TO_TASK]:
        task = folder / TASK_NAME
        with suppress(OSError, ValueError):
            if not task.is_file():  # a pipe of that name would be waited for
                continue
            if task.samefile(real):
                return task
            with task.open(encoding="utf-8", errors="replace") as file:
                text = file.read(_LONGEST_TASK)
            if _names(text, real.relative_to(folder).as_posix(), is_folder=real.is_dir()):
                return task
    return None


def _names(text: str, path: str, *, is_folder: bool) -> bool:
    """Whether the text of a ``task.yaml`` names ``path``; a folder's name may be any word there."""
    name = re.compile(rf"(?<![\w/.-])(?:\./)?{re.escape(path)}/?(?![\w/.-])", re.IGNORECASE)
    if not is_folder:
        return name.search(text) is not None
    keys = ((line, _DATA_KEYS.search(line)) for line in text.splitlines())
    return any(name.search(line, key.end()) for line, key in keys if key is not None)


def make_private(path: Path) -> None:
    """Take a file, or a folder with all in it, from everybody but its owner.

    Links are left as they are, and so is what belongs to somebody else.
    """
    for each in [path, *(path.rglob("*") if path.is_dir() else ())]:
        if not each.is_symlink() and not is_special(each):
            with suppress(PermissionError):
                each.chmod(each.stat().st_mode & 0o700)


MOST_JSON_BYTES = 2**30
"""A longer file of JSON is none that Steelyard wrote."""
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_LONGEST_NUMBER = 300  # digits: as many as a floating-point number takes


def expanded(path: Path | str) -> Path:
    """``path`` with the home folder for ``~``; as it is where ``~name`` is nobody's."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def real(path: Path) -> Path:
    """The absolute path behind all links; of links in a circle, the path as far as it leads."""
    return Path(os.path.realpath(path))


def open_file(path: Path) -> FileIO:
    """Open a regular file to read its bytes.

    A pipe or a device, which may never end, raises `OSError` as a folder does.
    """
    without_waiting = getattr(os, "O_NONBLOCK", 0)  # for somebody who writes to a pipe
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | without_waiting)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return FileIO(descriptor)
    os.close(descriptor)
    raise OSError(errno.EINVAL, "it is not a regular file", str(path))


def read_file(path: Path, most_bytes: int = MOST_JSON_BYTES) -> bytes:
    """Read a regular file; one of more than ``most_bytes``, or none, raises `OSError`."""
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most_bytes:
            text = f"it has {size:,} bytes, more than the {most_bytes:,} it may have"
            raise OSError(errno.EFBIG, text, str(path))
        return file.read()


def read_json(path: Path) -> Any:
    """Read a file of JSON in UTF-8. Raises `OSError`, and `ValueError` for anything but JSON."""
    return parse_json(read_file(path).decode("utf-8-sig"))


def parse_json(text: str) -> Any:
    """Read JSON. Raises `ValueError` for anything else.

    NaN, Infinity, endless numbers and halves of surrogate pairs are none, nor is what is nested too
    deeply.
    """
    try:
        value = json.loads(
            text, parse_constant=_refuse, parse_float=_finite, parse_int=_shorter_number
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if _SURROGATE.search(text) is not None:
        json.dumps(value, ensure_ascii=False).encode()  # half a pair of surrogates is no text
    return value


def _shorter_number(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError(f"a number of {len(text):,} digits is too long")
    return int(text)


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    return number if abs(number) != float("inf") else _refuse(text[:40])


def check_inside(folder: Path) -> None:
    """Raise `ValueError` where ``folder`` holds a link that leads out of it, a pipe or a device.

    So a folder that somebody else made cannot hand in the files of whoever reads it.
    """
    home = real(folder)
    for place in folder.rglob("*"):
        if place.is_symlink() and not real(place).is_relative_to(home):
            raise ValueError(f"{place.relative_to(folder)} is a link that leads out of the folder")
        if not (place.is_file() or place.is_dir()):
            raise ValueError(f"{place.relative_to(folder)} is not a regular file")


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Yield a scratch path next to ``path`` that replaces it when the block ends well.

    A ``private`` one is readable by its owner only, from the first byte on.

    A reader, or a kill at any moment, never sees half a file. After an error the scratch file is
    gone and ``path`` is as it was. `OSError` goes to the caller, who knows what to advise. Raises
    `ConfigError` where ``path`` must not be replaced, see `check_target`.
    """
    if not path.name:  # "." or "/"
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    check_target(path)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if private:
            scratch.touch(0o600)
        yield scratch
        with scratch.open("rb+") as file:
            os.fsync(file.fileno())
        scratch.replace(path)
    except BaseException:
        with suppress(OSError):  # the first error is the one to tell
            scratch.unlink(missing_ok=True)
        raise


def linked(source: str, target: str) -> str:
    """Give a file a second name, or copy it where the disk knows no hard links; for weights, never edited."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


def write_whole(path: Path, content: str | bytes, *, private: bool = False) -> None:
    """Write a file in one step; text as UTF-8. A ``private`` one is its owner's only."""
    with replacing(path, private=private) as scratch:
        scratch.write_bytes(content.encode() if isinstance(content, str) else content)


def remove_file(path: Path) -> None:
    """Remove a file if it is there; refused as in `check_target`."""
    check_target(path)
    path.unlink(missing_ok=True)


@contextmanager
def whole_folder(out: Path, *, replaces: bool = False, private: bool = False) -> Iterator[Path]:
    """Yield a scratch folder beside ``out`` that takes its place when the block ends well.

    The caller has made sure that ``out`` is free, or may be replaced. Raises `StorageError`, and
    `ConfigError` where a file in ``out`` was read.
    """
    check_target(out)
    place = Path(os.path.abspath(out))  # noqa: PTH100 - a link stays a link
    scratch = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        scratch.parent.mkdir(parents=True, exist_ok=True)
        scratch.mkdir(0o700 if private else 0o777)
        try:
            yield scratch
            if private:
                make_private(scratch)
            _take_place(scratch, place, replaces=replaces)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise cannot_write(out, error) from None


def _take_place(scratch: Path, out: Path, *, replaces: bool) -> None:
    if not replaces:
        if out.is_dir():
            out.rmdir()
        scratch.rename(out)
        return
    old = out.with_name(f".{out.name}.{os.getpid()}.old")
    out.rename(old)
    scratch.rename(out)
    shutil.rmtree(old)


def cannot_write(path: Path, error: OSError) -> StorageError:
    """The error for ``path`` in words that say what to do."""
    reason = error.strerror or str(error)
    return StorageError(f"cannot write {path}: {reason}; free space or choose another place")
