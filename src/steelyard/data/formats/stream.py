"""Bytes of a file, unpacked on the way; what would unpack to absurd sizes is refused."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import IO, Any, cast

from steelyard.config.source import encoding_problem
from steelyard.data.formats.disguise import HEAD_BYTES, head_of, is_text, refuse_disguise
from steelyard.errors import DataError
from steelyard.files import open_file

NOT_UTF8 = "not UTF-8"
"""What every reason says of bytes in another encoding."""

OnBytes = Callable[[int], None]
"""Told how many bytes of the file have been read so far."""

MOST_RATIO = 250
"""Unpacked to packed bytes. Text packs 3 to 30 times, very monotonous rows 100 times; a bomb 1,000."""
RATIO_FROM_BYTES = 32 * 2**20
"""The ratio is judged over so many unpacked bytes: small files may be as monotonous as they like."""
MOST_BYTES = 64 * 2**30
MOST_LINE_BYTES = 32 * 2**20
ROWS_BETWEEN_REPORTS = 512
_BLOCK = 2**20
_FEW_BYTES = 40
_UNREADABLE = (NotImplementedError, RuntimeError, ValueError, OSError)
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class ByteSource(io.BufferedReader):
    """A buffered file that knows how far its packed bytes have been read."""

    def __init__(self, raw: io.RawIOBase, packed: IO[bytes]) -> None:
        super().__init__(raw, _BLOCK)
        self._packed = packed

    def position(self) -> int:
        """Bytes of the file as it lies on disk that have been read."""
        return self._packed.tell()


@contextmanager
def open_bytes(path: Path) -> Iterator[ByteSource]:
    """Open a file, unpacking ``.gz`` and a ``.zip`` with one member.

    Raises `DataError` for UTF-16 and for what is no text (`refuse_disguise`), and while reading for
    damaged archives and for bombs (`MOST_RATIO`, `MOST_BYTES`). A file that cannot be opened raises
    `OSError`.
    """
    with open_file(path) as file:
        if is_packed(path):
            _check_packed(path, head_of(file))
            _refuse_bomb_ahead(path)
        source = ByteSource(_Unpacked(path, file) if is_packed(path) else file, file)
        with source:
            head = source.peek(HEAD_BYTES)[:HEAD_BYTES]
            refuse_disguise(path, head)
            if head[:2] in _UTF16:
                raise not_utf8(path)
            if (order := utf16_order(head)) is not None:
                raise DataError(
                    f"{path.name} is not UTF-8 (looks like UTF-16 without its mark): save it as UTF-8, for "
                    f"example: iconv -f UTF-16{order} -t UTF-8 {quote(path.name)} > fixed{path.suffix}"
                )
            yield source


def _refuse_bomb_ahead(path: Path) -> None:
    """Unpack as much as it takes to judge the ratio, before a row is made of it. Raises `DataError`."""
    with open_file(path) as file, io.BufferedReader(_Unpacked(path, file), _BLOCK) as unpacked:
        size = 0
        while size <= RATIO_FROM_BYTES and (block := unpacked.read(_BLOCK)):
            size += len(block)


def utf16_order(head: bytes) -> str | None:
    """``LE`` or ``BE`` where every second byte of the first ones is zero; ``None`` for other text."""
    first = head[:_FEW_BYTES]
    for order, zeros, others in (("LE", first[1::2], first[::2]), ("BE", first[::2], first[1::2])):
        if zeros and not any(zeros) and all(others):
            return order
    return None


def zip_member(path: Path) -> str:
    """Name of the one file in a ``.zip``. Raises `DataError` when there are none or several."""
    try:
        with open_file(path) as file:
            _check_packed(path, head_of(file))
            with zipfile.ZipFile(file) as archive:
                return _member(path, archive).filename
    except (zipfile.BadZipFile, *_UNREADABLE) as error:
        raise DataError(f"{path.name} is not a readable zip archive: {error}") from None


def _check_packed(path: Path, head: bytes) -> None:
    """Refuse what only has the name of a packed file. Raises `DataError`."""
    refuse_disguise(path, head, path.suffix.lower())
    if is_text(head):
        raise DataError(f"{path.name} is not packed: name it {path.stem}")


def _member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [
        info
        for info in archive.infolist()
        if not info.is_dir() and not info.filename.startswith("__MACOSX/")
    ]
    if len(members) != 1:
        raise DataError(f"{path.name} holds {len(members)} files: unpack it and name one of them")
    return members[0]


def _open_inner(path: Path, file: IO[bytes]) -> IO[bytes]:
    if path.suffix.lower() == ".gz":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    archive = zipfile.ZipFile(file)
    return archive.open(_member(path, archive))


class _Unpacked(io.RawIOBase):
    """Unpacks while it is read; counts, and stops a bomb."""

    def __init__(self, path: Path, packed: IO[bytes]) -> None:
        super().__init__()
        self._path, self._packed, self._count = path, packed, 0
        self._judged, self._judged_packed = 0, 0
        self._inner: IO[bytes] = self._safely(lambda: _open_inner(path, packed))

    def close(self) -> None:
        self._inner.close()
        super().close()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._safely(lambda: self._inner.read(len(buffer)))
        self._count += len(chunk)
        self._refuse_bomb()
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def _refuse_bomb(self) -> None:
        if self._count > MOST_BYTES:
            raise DataError(
                f"{self._path.name} unpacks to more than {MOST_BYTES // 2**30} GB: unpack it yourself "
                "if you trust it, and cut it into parts"
            )
        unpacked, place = self._count - self._judged, self._packed.tell()
        if unpacked <= RATIO_FROM_BYTES:
            return
        if unpacked > MOST_RATIO * max(1, place - self._judged_packed):
            raise DataError(
                f"{self._path.name} unpacks to more than {MOST_RATIO} times its size, as a zip bomb "
                "does: unpack it yourself if you trust it"
            )
        self._judged, self._judged_packed = self._count, place

    def _safely(self, call: Callable[[], Any]) -> Any:
        """Turn what a damaged archive can raise into one line."""
        name = self._path.name
        try:
            return call()
        except EOFError:
            raise DataError(f"{name} is cut off: the packed data ends too early") from None
        except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error) as error:
            raise DataError(f"{name} is damaged and cannot be unpacked ({error})") from None
        except _UNREADABLE as error:  # encrypted, an unknown method, a place outside the file
            raise DataError(f"{name} cannot be unpacked: {error}") from None


def is_packed(path: Path) -> bool:
    """Whether the file is read through `gzip` or `zipfile`."""
    return path.suffix.lower() in {".gz", ".zip"}


def not_utf8(path: Path) -> DataError:
    """The error for a file that is not UTF-8, with the place where it is known."""
    problem = "" if is_packed(path) else encoding_problem(path)
    return DataError(problem or f"{path.name} is not UTF-8 inside: unpack it and save it as UTF-8")
