"""An SQLite file of the user's with what was paid for: several processes write it, the oldest goes first."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

LEFT_SHARE = 0.9
"""Of the most bytes, what is left once the oldest are gone."""
BUSY_SECONDS = 10.0


@contextmanager
def transaction(path: Path, tables: Sequence[str]) -> Iterator[sqlite3.Connection]:
    """One transaction on a connection of its own: the file may be moved away between two.

    ``tables`` are the statements that make them where they are missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # before SQLite makes it for all
    with closing(sqlite3.connect(path, BUSY_SECONDS, isolation_level=None)) as file:
        with suppress(sqlite3.OperationalError):  # another run is just doing the same
            file.execute("PRAGMA journal_mode=WAL")
        file.execute("PRAGMA synchronous=NORMAL")
        file.execute("BEGIN IMMEDIATE")
        try:
            for table in tables:
                file.execute(table)
            yield file
            file.execute("COMMIT")
        except BaseException:
            if file.in_transaction:
                file.execute("ROLLBACK")
            raise


def shrink(file: sqlite3.Connection, table: str, most_bytes: int) -> None:
    """Let the oldest rows of ``table`` go where there are too many bytes."""
    if bytes_in(file) <= most_bytes:
        return
    while bytes_in(file) > LEFT_SHARE * most_bytes:
        gone = file.execute(
            f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} ORDER BY rowid"
            f" LIMIT max(1, (SELECT count(*) / 20 FROM {table})))"
        )
        if gone.rowcount == 0:
            return


def bytes_in(file: sqlite3.Connection) -> int:
    """Bytes in use; empty pages are reused before the file grows."""
    [pages], [free], [size] = (
        file.execute(f"PRAGMA {name}").fetchone()
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)
