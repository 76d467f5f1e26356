"""Files and folders that take rows as other files had them, whole or not at all."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from steelyard.config.source import names_in
from steelyard.data.formats import container_of
from steelyard.data.formats.write import WRITERS, WriteRow, writer_for
from steelyard.data.read import read_rows
from steelyard.errors import ConfigError, StorageError

_SURROGATE = re.compile("[\ud800-\udfff]")
_FALLBACK = ".jsonl"
_INSTEAD = {".arrow": ".parquet", "folder": ".parquet"}


def columns_of(path: Path) -> tuple[str, ...]:
    """The columns of a file's header in order; none where each row carries its own names."""
    if not container_of(path).has_header:
        return ()
    return next((tuple(row.fields) for row in read_rows(path) if row.reason is None), ())


def ending_of(path: Path) -> str:
    """The ending that a copy of ``path`` takes: its own, or that of the nearest form to write."""
    container = container_of(path)
    ending = container.format + container.packed
    for candidate in (ending, container.format, _INSTEAD.get(container.format, _FALLBACK)):
        if candidate in WRITERS:
            return candidate
    return _FALLBACK


def unwritable(fields: Mapping[str, Any]) -> str | None:
    """Why a row that could be read cannot be written again; ``None`` for nearly every row."""
    try:
        text = json.dumps(fields, ensure_ascii=False, allow_nan=False, default=str)
    except RecursionError:
        return "nested too deeply"
    except ValueError:  # 1e999 is JSON, and an infinity that no JSON can say
        return "holds a number too large to be written again"
    return (
        "holds half a surrogate pair, which no file can hold" if _SURROGATE.search(text) else None
    )


@contextmanager
def writers(
    paths: Mapping[str, Path], columns: Mapping[str, Sequence[str]]
) -> Iterator[dict[str, WriteRow]]:
    """Open a file for rows per name; all appear when the block ends well."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(writer_for(path)(path, columns[name]))
            for name, path in paths.items()
        }


def check_free(
    folder: Path, sources: Mapping[str, Path], ours: Callable[[Path], Set[str]], *, force: bool
) -> bool:
    """Say whether ``folder`` must be replaced: by ``force`` it may, if all in it is ``ours``.

    ``ours`` names the files in a folder that the same verb wrote. Raises `ConfigError` when the
    folder is taken.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file: choose another folder")
    names = set(names_in(folder)) if folder.is_dir() else set()
    if not names:
        return False
    if not force:
        raise ConfigError(
            f"{folder} is not empty: choose another folder, or --force to replace what an earlier "
            "call wrote there"
        )
    inside = [path for path in sources.values() if path.resolve().is_relative_to(folder.resolve())]
    if inside:
        raise ConfigError(f"{inside[0]} lies in {folder}, which is to be replaced: choose another")
    other = sorted(names - ours(folder))
    if other:
        raise ConfigError(
            f"{folder} holds {', '.join(other[:5])}, which this command did not write: choose "
            "another folder"
        )
    return True


@contextmanager
def whole_folder(out: Path, *, replaces: bool = False) -> Iterator[Path]:
    """Yield a scratch folder beside ``out`` that takes its place when the block ends well.

    The caller has made sure that ``out`` is free, or may be replaced. Raises `StorageError`.
    """
    out = Path(os.path.abspath(out))  # noqa: PTH100 - a link stays a link
    scratch = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        scratch.mkdir(parents=True)
        try:
            yield scratch
            _take_place(scratch, out, replaces=replaces)
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
