"""Files written whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NO_ROOM = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO})
"""Of an `OSError`: nothing more can be written there."""


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
        scratch.unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file in one step; text as UTF-8."""
    with replacing(path) as scratch:
        scratch.write_bytes(content.encode() if isinstance(content, str) else content)
