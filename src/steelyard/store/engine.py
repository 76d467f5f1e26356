"""Connecting to SQLite and PostgreSQL, and what to tell of their errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from steelyard.errors import StorageError
from steelyard.extras import require
from steelyard.words import one_line

INSERTS: Mapping[str, Callable[[sa.Table], Any]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
"""The ``INSERT`` of each kind of database, with its ``ON CONFLICT``."""


def sqlite_url(path: Path) -> sa.URL:
    """The address of a file's database, whatever characters its path has."""
    return sa.URL.create("sqlite", database=str(path))


def engine_for(url: str | sa.URL) -> sa.Engine:
    """Return the engine for ``url``. Raises `StorageError` for another kind of database."""
    place = sa.make_url(url)
    if place.drivername == "postgresql":
        place = place.set(drivername="postgresql+psycopg")
    kind = place.get_backend_name()
    if kind not in INSERTS:
        raise StorageError(f"runs are kept in SQLite or PostgreSQL, not in {kind}")
    if kind == "postgresql":
        require("psycopg", "postgres")
    engine = sa.create_engine(place)
    if kind == "sqlite":
        sa.event.listen(engine, "connect", _configure_sqlite)
        sa.event.listen(engine, "begin", _begin_immediate)
    return engine


def _configure_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver must not open transactions of its own
    for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def damaged(where: str, error: Exception) -> StorageError:
    """The error of a database whose values cannot be believed."""
    return StorageError(
        f"{where} is damaged: {one_line(str(error), 200)}: choose another --out, or begin anew with "
        "--no-cache"
    )


def storage_error(
    where: str, error: BaseException, *, is_server: bool = False, to_read: bool = False
) -> StorageError:
    """Turn a driver's or the system's message into one line that says what to do next.

    ``to_read``: nothing was to be written, and the folder is one that the user named to look at.
    """
    text = str(getattr(error, "orig", None) or getattr(error, "strerror", None) or error)
    lowered = text.lower()
    if is_server:
        advice = "check that the server is running, and its address, database and rights"
    elif "full" in lowered or "no space" in lowered or "too large" in lowered or "i/o" in lowered:
        advice = "free some disk space and run again; what was measured is kept"
    elif "readonly" in lowered or "read-only" in lowered or "permission" in lowered:
        advice = "make the folder writable, or choose another --out"
    elif "locked" in lowered:
        advice = "another run is using it: wait for it, or choose another --out"
    elif "not a database" in lowered or "malformed" in lowered:
        advice = "the file is damaged: choose another --out"
    else:
        advice = "check that the folder exists and is writable, or choose another --out"
    cause = " ".join(text.split())
    if to_read:
        return StorageError(f"cannot read {where}: {cause}: name the folder of another run")
    return StorageError(f"cannot write {where}: {cause}: {advice}")
