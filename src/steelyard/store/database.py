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

from steelyard.core import Answer, Completion, Record, Request, Usage
from steelyard.errors import StorageError
from steelyard.store.tables import (
    COMPLETIONS,
    META,
    MODELS,
    PHASE_KEYS,
    RECORDS,
    REUSED,
    SCHEMA,
    STEPS,
)

_CHUNK = 500  # SQLite's default limit on bound variables is 999 in old builds


@dataclass(frozen=True)
class StoredCompletion:
    """One row of ``completions``: what was asked of which model in which phase, and the answer.

    ``model`` is its fingerprint. An answer ``from_cache`` was paid by an earlier run.
    """

    key: str
    phase: str
    model: str
    request: Request
    completion: Completion
    from_cache: bool = False


class AskedModel(NamedTuple):
    """A model that was asked."""

    fingerprint: str
    name: str


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
            SCHEMA.create_all(connection)

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
            found = connection.scalar(sa.select(META.c.value).where(META.c.key == key))
        return None if found is None else json.loads(found)

    def set_meta(self, key: str, value: Any) -> None:
        """Keep ``value`` (JSON) under ``key``."""
        with self._transaction() as connection:
            connection.execute(META.delete().where(META.c.key == key))
            connection.execute(META.insert().values(key=key, value=dumps(value)))

    def metas(self, prefix: str) -> dict[str, Any]:
        """Return what is kept under keys that begin with ``prefix``."""
        query = sa.select(META).where(META.c.key.startswith(prefix, autoescape=True))
        with self._transaction() as connection:
            return {row.key: json.loads(row.value) for row in connection.execute(query)}

    def drop_meta(self, key: str) -> None:
        """Keep nothing under ``key`` any more."""
        with self._transaction() as connection:
            connection.execute(META.delete().where(META.c.key == key))

    def step(self, name: str) -> dict[str, Any] | None:
        """Return what a finished step left, or ``None`` when it has not finished."""
        with self._transaction() as connection:
            found = connection.scalar(sa.select(STEPS.c.payload).where(STEPS.c.name == name))
        return None if found is None else dict(json.loads(found))

    def finish_step(self, name: str, payload: Mapping[str, Any], seconds: float) -> None:
        """Mark a step as finished, with what it leaves and its wall time in seconds."""
        row = {"name": name, "payload": dumps(payload), "seconds": seconds}
        with self._transaction() as connection:
            connection.execute(STEPS.delete().where(STEPS.c.name == name))
            connection.execute(STEPS.insert().values(row))

    def undo_steps(self, names: Iterable[str]) -> None:
        """Forget steps and what they wanted, at once; answers stay, on the account of no step."""
        with self._transaction() as connection:
            for name in names:
                connection.execute(STEPS.delete().where(STEPS.c.name == name))
                connection.execute(PHASE_KEYS.delete().where(PHASE_KEYS.c.phase == name))
                connection.execute(META.delete().where(META.c.key == f"elapsed:{name}"))
                asked = COMPLETIONS.update().where(COMPLETIONS.c.phase == name)
                connection.execute(asked.values(phase=f"undone:{name}"))

    def completions(self, keys: Iterable[str]) -> dict[str, Completion]:
        """Return the completions known among ``keys``."""
        wanted = list(keys)
        known: dict[str, Completion] = {}
        with self._transaction() as connection:
            for start in range(0, len(wanted), _CHUNK):
                query = sa.select(COMPLETIONS.c.key, COMPLETIONS.c.completion).where(
                    COMPLETIONS.c.key.in_(wanted[start : start + _CHUNK])
                )
                rows = connection.execute(query)
                known.update((row.key, _completion(row.completion)) for row in rows)
        return known

    def add_completions(self, rows: Sequence[StoredCompletion]) -> None:
        """Commit one batch of completions in one transaction."""
        if rows:
            reused = [{"key": row.key} for row in rows if row.from_cache]
            with self._transaction() as connection:
                connection.execute(COMPLETIONS.insert(), [_completion_row(row) for row in rows])
                if reused:
                    connection.execute(REUSED.insert(), reused)

    def forget_completions(self, keys: Iterable[str]) -> None:
        """Remove completions, so that they are asked again."""
        with self._transaction() as connection:
            for key in keys:
                connection.execute(COMPLETIONS.delete().where(COMPLETIONS.c.key == key))
                connection.execute(REUSED.delete().where(REUSED.c.key == key))

    def want(self, phase: str, keys: Iterable[str]) -> None:
        """Note that ``phase`` wants the completions of ``keys``, whichever phase asked them first."""
        wanted = list(dict.fromkeys(keys))
        table = PHASE_KEYS.c
        with self._transaction() as connection:
            for start in range(0, len(wanted), _CHUNK):
                some = wanted[start : start + _CHUNK]
                query = sa.select(table.key).where((table.phase == phase) & table.key.in_(some))
                known = set(connection.scalars(query))
                rows = [{"phase": phase, "key": key} for key in some if key not in known]
                if rows:
                    connection.execute(PHASE_KEYS.insert(), rows)

    def know_model(self, model: AskedModel) -> None:
        """Keep the name of a model under its fingerprint."""
        with self._transaction() as connection:
            connection.execute(MODELS.delete().where(MODELS.c.fingerprint == model.fingerprint))
            connection.execute(MODELS.insert().values(model._asdict()))

    def usage(self, *phases: str) -> Usage:
        """Return what ``phases`` asked of models; with no phase named, what the whole run asked.

        Each request counts where it was first asked. Answers out of the cache count with their real
        figures: this is a measurement.
        """
        query = sa.select(*_sums()).select_from(COMPLETIONS)
        if phases:
            query = query.where(COMPLETIONS.c.phase.in_(phases))
        with self._transaction() as connection:
            return _usage(connection.execute(query).one())

    def usage_by_model(self, *phases: str) -> dict[AskedModel, Usage]:
        """Return what ``phases`` wanted of models, whether or not another phase had asked it before.

        So a search takes the same whatever ran before it. A phase in a database that an earlier
        version began counts what it was first to ask.
        """
        wanted = sa.select(PHASE_KEYS.c.key).where(PHASE_KEYS.c.phase.in_(phases))
        table = COMPLETIONS.c
        which = table.phase.in_(phases) | table.key.in_(wanted) if phases else sa.true()
        return self._by_model(which)

    def paid_by_model(self, *phases: str) -> dict[AskedModel, Usage]:
        """Return what this run itself asked, model by model: answers out of the cache are left out.

        Each request counts once, where it was first asked.
        """
        which = COMPLETIONS.c.key.not_in(sa.select(REUSED.c.key))
        return self._by_model(which & COMPLETIONS.c.phase.in_(phases) if phases else which)

    def reused(self, *phases: str) -> int:
        """Return how many completions came out of the cache."""
        joined = COMPLETIONS.join(REUSED, COMPLETIONS.c.key == REUSED.c.key)
        query = sa.select(sa.func.count()).select_from(joined)
        if phases:
            query = query.where(COMPLETIONS.c.phase.in_(phases))
        with self._transaction() as connection:
            return int(connection.scalar(query) or 0)

    def _by_model(self, which: sa.ColumnElement[bool]) -> dict[AskedModel, Usage]:
        table = COMPLETIONS.c
        joined = COMPLETIONS.outerjoin(MODELS, table.model == MODELS.c.fingerprint)
        query = sa.select(*_sums(), table.model, MODELS.c.name).select_from(joined).where(which)
        query = query.group_by(table.model, MODELS.c.name).order_by(table.model)
        with self._transaction() as connection:
            rows = connection.execute(query).all()
        return {AskedModel(row.model, row.name or row.model): _usage(row[:5]) for row in rows}

    def add_records(self, records: Sequence[Record]) -> None:
        """Commit an arm's records in one transaction, in the order given."""
        if records:
            rows = [_record_row(position, record) for position, record in enumerate(records)]
            with self._transaction() as connection:
                for arm in {record.arm for record in records}:
                    connection.execute(RECORDS.delete().where(RECORDS.c.arm == arm))
                connection.execute(RECORDS.insert(), rows)

    def put_records(self, records: Mapping[int, Record]) -> None:
        """Commit some of an arm's records, by position, in one transaction; an older one is replaced."""
        if records:
            rows = [_record_row(position, record) for position, record in records.items()]
            table = RECORDS.c
            with self._transaction() as connection:
                for record in records.values():
                    same = (table.arm == record.arm) & (table.example_id == record.example_id)
                    connection.execute(RECORDS.delete().where(same))
                connection.execute(RECORDS.insert(), rows)

    def records(self, arm: str) -> list[Record]:
        """Return an arm's records in the order they were added."""
        query = sa.select(RECORDS).where(RECORDS.c.arm == arm).order_by(RECORDS.c.position)
        with self._transaction() as connection:
            return [_record(row) for row in connection.execute(query).mappings()]


def _sums() -> tuple[sa.ColumnElement[Any], ...]:
    """The columns of a `Usage`."""
    table = COMPLETIONS.c
    summed = (
        table.input_tokens,
        table.cached_tokens,
        table.output_tokens,
        table.machine_seconds,
    )
    return sa.func.count(), *(sa.func.coalesce(sa.func.sum(column), 0) for column in summed)


def _usage(row: Sequence[Any]) -> Usage:
    count, given, cached, produced, seconds = row
    return Usage(int(count), int(given), int(cached), int(produced), machine_seconds=float(seconds))


def _configure_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver must not open transactions of its own
    for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _completion(text: str) -> Completion:
    return Completion.from_dict(json.loads(text))


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
