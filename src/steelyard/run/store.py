"""The run's database: every completion, record and finished step, committed as it happens."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from steelyard.core import Answer, Completion, Record, Request, Spent
from steelyard.errors import StorageError

_CHUNK = 500  # SQLite's default limit on bound variables is 999 in old builds

_schema = sa.MetaData()
_meta = sa.Table(
    "meta",
    _schema,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
_steps = sa.Table(
    "steps",
    _schema,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
)
_completions = sa.Table(
    "completions",
    _schema,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("phase", sa.String, nullable=False, index=True),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("completion", sa.Text, nullable=False),
    sa.Column("input_tokens", sa.Integer, nullable=False),
    sa.Column("cached_tokens", sa.Integer, nullable=False),
    sa.Column("output_tokens", sa.Integer, nullable=False),
    sa.Column("machine_seconds", sa.Float, nullable=False),
)
_records = sa.Table(
    "records",
    _schema,
    sa.Column("arm", sa.String, primary_key=True),
    sa.Column("example_id", sa.String, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("outcome", sa.String, nullable=False),
    sa.Column("score", sa.Float, nullable=False),
    sa.Column("scores", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("output", sa.Text),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("completion", sa.Text, nullable=False),
)


@dataclass(frozen=True)
class StoredCompletion:
    """One row of ``completions``: what was asked of which model in which phase, and the answer."""

    key: str
    phase: str
    model: str
    request: Request
    completion: Completion


class Usage(NamedTuple):
    """What one phase asked of models: each request counted where it was first asked."""

    requests: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    machine_seconds: float


def dumps(value: Any) -> str:
    """Return canonical JSON: sorted keys, no spaces, and never NaN or Infinity."""
    return json.dumps(
        value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )


def storage_error(where: str, error: BaseException) -> StorageError:
    """Turn a driver's or the system's message into one line that says what to do next."""
    text = str(getattr(error, "orig", None) or getattr(error, "strerror", None) or error)
    lowered = text.lower()
    if "full" in lowered or "no space" in lowered or "too large" in lowered or "i/o" in lowered:
        advice = "free some disk space and run again; what was measured is kept"
    elif "readonly" in lowered or "read-only" in lowered or "permission" in lowered:
        advice = "make the folder writable, or choose another --out"
    elif "locked" in lowered:
        advice = "another run is using it: wait for it, or choose another --out"
    elif "not a database" in lowered or "malformed" in lowered:
        advice = "the file is damaged: choose another --out"
    else:
        advice = "check that the folder exists and is writable, or choose another --out"
    return StorageError(f"cannot write {where}: {' '.join(text.split())}: {advice}")


class Store:
    """The database of one run, at ``url`` (``sqlite:///…`` by default).

    SQLite runs in WAL mode and each write is one ``BEGIN IMMEDIATE`` transaction, so that a killed
    process loses at most the batch in flight. Every failure of the database raises `StorageError`.
    """

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url)
        self._where = self._engine.url.database or self._engine.url.render_as_string()
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", _configure_sqlite)
            sa.event.listen(self._engine, "begin", _begin_immediate)
        with self._transaction() as connection:
            _schema.create_all(connection)

    @classmethod
    def in_folder(cls, folder: Path) -> Store:
        """Open ``folder/run.db``, making it if it is not there."""
        return cls(f"sqlite:///{folder / 'run.db'}")

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise storage_error(self._where, error) from error

    def meta(self, key: str) -> Any:
        """Return the value kept under ``key``, or ``None``."""
        with self._transaction() as connection:
            found = connection.scalar(sa.select(_meta.c.value).where(_meta.c.key == key))
        return None if found is None else json.loads(found)

    def set_meta(self, key: str, value: Any) -> None:
        """Keep ``value`` (JSON) under ``key``."""
        with self._transaction() as connection:
            connection.execute(_meta.delete().where(_meta.c.key == key))
            connection.execute(_meta.insert().values(key=key, value=dumps(value)))

    def step(self, name: str) -> dict[str, Any] | None:
        """Return what a finished step left, or ``None`` when it has not finished."""
        with self._transaction() as connection:
            found = connection.scalar(sa.select(_steps.c.payload).where(_steps.c.name == name))
        return None if found is None else dict(json.loads(found))

    def finish_step(self, name: str, payload: Mapping[str, Any], seconds: float) -> None:
        """Mark a step as finished, with what it leaves and its wall time in seconds."""
        row = {"name": name, "payload": dumps(payload), "seconds": seconds}
        with self._transaction() as connection:
            connection.execute(_steps.delete().where(_steps.c.name == name))
            connection.execute(_steps.insert().values(row))

    def completions(self, keys: Iterable[str]) -> dict[str, Completion]:
        """Return the completions known among ``keys``."""
        wanted = list(keys)
        known: dict[str, Completion] = {}
        with self._transaction() as connection:
            for start in range(0, len(wanted), _CHUNK):
                query = sa.select(_completions.c.key, _completions.c.completion).where(
                    _completions.c.key.in_(wanted[start : start + _CHUNK])
                )
                rows = connection.execute(query)
                known.update((row.key, _completion(row.completion)) for row in rows)
        return known

    def add_completions(self, rows: Sequence[StoredCompletion]) -> None:
        """Commit one batch of completions in one transaction."""
        if rows:
            with self._transaction() as connection:
                connection.execute(_completions.insert(), [_completion_row(row) for row in rows])

    def forget_completions(self, keys: Iterable[str]) -> None:
        """Remove completions, so that they are asked again."""
        with self._transaction() as connection:
            for key in keys:
                connection.execute(_completions.delete().where(_completions.c.key == key))

    def usage(self, *phases: str) -> Usage:
        """Return what ``phases`` asked of models; with no phase named, what the whole run asked."""
        table = _completions.c
        query = sa.select(
            sa.func.count(),
            *(
                sa.func.coalesce(sa.func.sum(column), 0)
                for column in (
                    table.input_tokens,
                    table.cached_tokens,
                    table.output_tokens,
                    table.machine_seconds,
                )
            ),
        ).select_from(_completions)
        if phases:
            query = query.where(table.phase.in_(phases))
        with self._transaction() as connection:
            count, given, cached, produced, seconds = connection.execute(query).one()
        return Usage(int(count), int(given), int(cached), int(produced), float(seconds))

    def add_records(self, records: Sequence[Record]) -> None:
        """Commit an arm's records in one transaction, in the order given."""
        if records:
            rows = [_record_row(position, record) for position, record in enumerate(records)]
            with self._transaction() as connection:
                for arm in {record.arm for record in records}:
                    connection.execute(_records.delete().where(_records.c.arm == arm))
                connection.execute(_records.insert(), rows)

    def put_records(self, records: Mapping[int, Record]) -> None:
        """Commit some of an arm's records, by position, in one transaction; an older one is replaced."""
        if records:
            rows = [_record_row(position, record) for position, record in records.items()]
            table = _records.c
            with self._transaction() as connection:
                for record in records.values():
                    same = (table.arm == record.arm) & (table.example_id == record.example_id)
                    connection.execute(_records.delete().where(same))
                connection.execute(_records.insert(), rows)

    def records(self, arm: str) -> list[Record]:
        """Return an arm's records in the order they were added."""
        query = sa.select(_records).where(_records.c.arm == arm).order_by(_records.c.position)
        with self._transaction() as connection:
            return [_record(row) for row in connection.execute(query).mappings()]


def _configure_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver must not open transactions of its own
    for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _completion(text: str) -> Completion:
    said = json.loads(text)
    spent = tuple(Spent(*each) for each in said.pop("spent", ()))
    return Completion(**said, spent=spent)


def _completion_row(row: StoredCompletion) -> dict[str, Any]:
    completion = row.completion
    return {
        "key": row.key,
        "phase": row.phase,
        "model": row.model,
        "request": dumps(asdict(row.request)),
        "completion": dumps(asdict(completion)),
        "input_tokens": completion.input_tokens,
        "cached_tokens": completion.cached_tokens,
        "output_tokens": completion.output_tokens,
        "machine_seconds": completion.machine_seconds,
    }


def _record_row(position: int, record: Record) -> dict[str, Any]:
    return {
        "arm": record.arm,
        "example_id": record.example_id,
        "position": position,
        "outcome": record.outcome,
        "score": record.score,
        "scores": dumps(dict(record.scores)),
        "reason": record.reason,
        "output": record.answer.output,
        "reference": record.reference,
        "completion": dumps(asdict(record.answer.completion)),
    }


def _record(row: Mapping[Any, Any]) -> Record:
    return Record(
        arm=row["arm"],
        example_id=row["example_id"],
        outcome=row["outcome"],
        score=row["score"],
        reference=row["reference"],
        answer=Answer(row["output"], _completion(row["completion"]), row["reason"]),
        scores=json.loads(row["scores"]),
    )


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the run folder for this process; a second run on it raises `StorageError` at once.

    The lock is the kernel's (``flock``), so that it ends with the process however that dies. Where
    there is no ``flock`` (Windows) two runs are told apart only by the database's own locks.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    try:
        handle = os.open(folder / "run.lock", os.O_RDWR | os.O_CREAT, 0o644)
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
