"""Files and folders written whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from steelyard.errors import StorageError

NO_ROOM = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO})
"""Of an `OSError`: nothing more can be written there."""


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a scratch path next to ``path`` that replaces it when the block ends well.

    A reader, or a kill at any moment, never sees half a file. After an error the scratch file is
    gone and ``path`` is as it was. `OSError` goes to the caller, who knows what to advise.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield scratch
        with scratch.open("rb+") as file:
            os.fsync(file.fileno())
        scratch.replace(path)
    except BaseException:
        with suppress(OSError):  # the first error is the one to tell
            scratch.unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file in one step; text as UTF-8."""
    with replacing(path) as scratch:
        scratch.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def whole_folder(out: Path, *, replaces: bool = False) -> Iterator[Path]:
    """Yield a scratch folder beside ``out`` that takes its place when the block ends well.

    The caller has made sure that ``out`` is free, or may be replaced. Raises `StorageError`.
    """
    place = Path(os.path.abspath(out))  # noqa: PTH100 - a link stays a link
    scratch = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        scratch.mkdir(parents=True)
        try:
            yield scratch
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
