"""The run's database: every completion, record and finished step, committed as it happens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from threading import Lock
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from steelyard.config.records import read_completion
from steelyard.core import Completion, Record, Usage
from steelyard.store.engine import INSERTS, damaged, engine_for, sqlite_url, storage_error
from steelyard.store.integrity import check_tables, check_values
from steelyard.store.migration import is_older, migrate
from steelyard.store.tables import (
    COMPLETIONS,
    META,
    MODELS,
    PHASE_KEYS,
    RECORDS,
    RUNS,
    SCHEMA,
    STEPS,
    AskedModel,
    DamagedError,
    StoredCompletion,
    StoredRun,
    check_fields,
    completion_row,
    record_row,
    soundly,
    to_record,
    to_run,
)

FOLDER_RUN = "run"
"""The name of the one run in a run folder's own database."""
_MAKING_TABLES = 0x57EE1  # any number that all who use the database agree on
_CHUNK = 500  # SQLite's default limit on bound variables is 999 in old builds


class Store:
    """One run in the database at ``url``: SQLite (``sqlite:///…``) or PostgreSQL (``postgresql://…``).

    A database may hold many runs; ``run_id`` names this one. A store may be used from several threads.
    SQLite runs in WAL mode and each write is one ``BEGIN IMMEDIATE`` transaction, so that a killed
    process loses at most the batch in flight. Every failure of the database raises `StorageError`,
    and PostgreSQL without its driver `MissingExtraError`.
    """

    def __init__(self, url: str | sa.URL, run_id: str = FOLDER_RUN) -> None:
        self.run_id = run_id
        self._engine = engine_for(url)
        self._is_server = self._engine.dialect.name != "sqlite"
        self._insert_into = INSERTS[self._engine.dialect.name]
        # SQLite takes one writer at a time; threads that queue here need not poll for its lock.
        self._turn: AbstractContextManager[Any] = nullcontext() if self._is_server else Lock()
        with self._transaction() as connection:
            if not self._is_server:
                check_tables(connection)
            if self._is_server:  # two runs that start at once must not both make the tables
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MAKING_TABLES)))
            elif is_older(connection):
                migrate(connection, run_id)
            SCHEMA.create_all(connection)
            if not self._is_server:
                check_values(connection)

    @classmethod
    def in_folder(cls, folder: Path) -> Store:
        """Open ``folder/run.db``, making it if it is not there."""
        return cls(sqlite_url(folder / "run.db"))

    @classmethod
    def of_former_run(cls, folder: Path, *, to_read: bool = False) -> Store | None:
        """Open ``folder/run.db`` to read from it; ``None`` where there is none.

        Nor is there one in the older layout: only a run, which holds the folder, may change that.
        ``to_read``: the run is only looked at, so that an error speaks of reading.
        """
        if not (folder / "run.db").is_file():
            return None
        engine = engine_for(sqlite_url(folder / "run.db"))
        try:
            with engine.connect() as connection:
                has_older_layout = is_older(connection)
        except DBAPIError as error:
            raise storage_error(str(folder / "run.db"), error, to_read=to_read) from error
        finally:
            engine.dispose()
        return None if has_older_layout else cls.in_folder(folder)

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        try:
            with self._turn, self._engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise storage_error(self._where, error, is_server=self._is_server) from error
        except DamagedError as error:
            raise damaged(self._where, error) from error

    @property
    def _where(self) -> str:
        url = self._engine.url
        return url.render_as_string() if self._is_server else str(url.database)

    def _upsert(self, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert ``rows`` of this run; where one is there already, replace what the new row names."""
        if not rows:
            return
        key = [column.name for column in table.primary_key]
        insert = self._insert_into(table)
        changes = {name: insert.excluded[name] for name in rows[0] if name not in key}
        statement = (
            insert.on_conflict_do_update(index_elements=key, set_=changes)
            if changes
            else insert.on_conflict_do_nothing(index_elements=key)
        )
        with self._transaction() as connection:
            connection.execute(statement, [self._own(row) for row in rows])

    def _own(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {"run_id": self.run_id, **row}

    def _of(self, table: sa.Table) -> sa.ColumnElement[bool]:
        return table.c.run_id == self.run_id

    def run(self) -> StoredRun | None:
        """Return what is known of this run, or ``None`` before `begin`."""
        with self._transaction() as connection:
            row = connection.execute(sa.select(RUNS).where(RUNS.c.id == self.run_id)).first()
            return None if row is None else to_run(row._mapping)

    def begin(self, task: str, identity: Mapping[str, Any]) -> StoredRun:
        """Note one more attempt at this run, on the input that ``identity`` says, and return it."""
        insert = self._insert_into(RUNS).values(
            id=self.run_id,
            task=task,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            attempts=1,
            identity=identity,
        )
        changes = {
            "task": insert.excluded.task,
            "attempts": RUNS.c.attempts + 1,
            "identity": insert.excluded.identity,
        }
        upsert = insert.on_conflict_do_update(index_elements=["id"], set_=changes)
        with self._transaction() as connection:
            row = connection.execute(upsert.returning(*RUNS.c)).one()
            return to_run(row._mapping)

    def meta(self, key: str) -> Any:
        query = sa.select(META.c.value).where(self._of(META) & (META.c.key == key))
        with self._transaction() as connection:
            return connection.scalar(query)

    def set_meta(self, key: str, value: Any) -> None:
        self._upsert(META, [{"key": key, "value": value}])

    def metas(self, prefix: str) -> dict[str, Any]:
        begins = META.c.key.startswith(prefix, autoescape=True)
        query = sa.select(META.c.key, META.c.value).where(self._of(META) & begins)
        with self._transaction() as connection:
            return {row.key: row.value for row in connection.execute(query)}

    def drop_meta(self, key: str) -> None:
        with self._transaction() as connection:
            connection.execute(META.delete().where(self._of(META) & (META.c.key == key)))

    def step(self, name: str, fields: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        """Return what a finished step left, or ``None`` when it has not finished.

        Raises `StorageError` where it left none of ``fields``, each with its type.
        """
        query = sa.select(STEPS.c.payload).where(self._of(STEPS) & (STEPS.c.name == name))
        with self._transaction() as connection:
            payload: dict[str, Any] | None = connection.scalar(query)
            if payload is not None:
                check_fields(name, payload, fields or {})
            return payload

    def check_count(self, what: str, count: int, expected: int) -> None:
        """Raise `StorageError` where there are fewer rows, or more, than a finished step left."""
        if count != expected:
            raise damaged(self._where, DamagedError(f"{count} {what}, and {expected} were written"))

    def step_seconds(self, name: str) -> float:
        """Return the wall time that was noted of a step, finished or not; 0 of one not begun."""
        query = sa.select(STEPS.c.seconds).where(self._of(STEPS) & (STEPS.c.name == name))
        with self._transaction() as connection:
            return float(connection.scalar(query) or 0.0)

    def note_seconds(self, name: str, seconds: float) -> None:
        """Note the wall time that a step has taken so far, over all attempts."""
        self._upsert(STEPS, [{"name": name, "seconds": seconds}])

    def finish_step(self, name: str, payload: Mapping[str, Any], seconds: float) -> None:
        """Mark a step as finished, with what it leaves and its wall time in seconds."""
        self._upsert(STEPS, [{"name": name, "payload": dict(payload), "seconds": seconds}])

    def undo_steps(self, names: Iterable[str]) -> None:
        """Forget steps and their needs in one transaction; answers stay, charged to no step."""
        with self._transaction() as connection:
            for name in names:
                of_step = self._of(STEPS) & (STEPS.c.name == name)
                connection.execute(STEPS.delete().where(of_step))
                in_phase = self._of(PHASE_KEYS) & (PHASE_KEYS.c.phase == name)
                connection.execute(PHASE_KEYS.delete().where(in_phase))
                first_asked = self._of(COMPLETIONS) & (COMPLETIONS.c.phase == name)
                undone = COMPLETIONS.update().where(first_asked).values(phase=f"undone:{name}")
                connection.execute(undone)

    def completions(self, keys: Iterable[str]) -> dict[str, Completion]:
        all_keys = list(keys)
        stored: dict[str, Completion] = {}
        table = COMPLETIONS.c
        with self._transaction() as connection:
            for start in range(0, len(all_keys), _CHUNK):
                among = self._of(COMPLETIONS) & table.key.in_(all_keys[start : start + _CHUNK])
                rows = connection.execute(sa.select(table.key, table.completion).where(among))
                stored.update((row.key, soundly(read_completion, row.completion)) for row in rows)
        return stored

    def add_completions(self, rows: Sequence[StoredCompletion]) -> None:
        """Commit one batch of new completions in one transaction."""
        if rows:
            with self._transaction() as connection:
                values = [self._own(completion_row(row)) for row in rows]
                connection.execute(COMPLETIONS.insert(), values)

    def set_aside_completions(self, keys: Iterable[str]) -> None:
        """Let the requests of ``keys`` be asked again; what they may have cost stays on the account."""
        table = COMPLETIONS.c
        free = (table.input_tokens == 0) & (table.output_tokens == 0)
        with self._transaction() as connection:
            for key in keys:
                same = self._of(COMPLETIONS) & (table.key == key)
                connection.execute(COMPLETIONS.delete().where(same & free))
                connection.execute(COMPLETIONS.update().where(same).values(key=token_hex(32)))

    def want(self, phase: str, keys: Iterable[str]) -> None:
        """Note that ``phase`` needs the completions of ``keys``, even if another phase asked first."""
        self._upsert(PHASE_KEYS, [{"phase": phase, "key": key} for key in dict.fromkeys(keys)])

    def know_model(self, model: AskedModel) -> None:
        self._upsert(MODELS, [model._asdict()])

    def notes(self, fingerprint: str) -> tuple[str, ...]:
        """Return what people must know of the answers of the model with this fingerprint."""
        same = self._of(MODELS) & (MODELS.c.fingerprint == fingerprint)
        with self._transaction() as connection:
            return tuple(connection.scalar(sa.select(MODELS.c.notes).where(same)) or ())

    def set_notes(self, model: AskedModel, notes: Sequence[str]) -> None:
        self._upsert(MODELS, [{**model._asdict(), "notes": list(notes)}])

    def usage(self, *phases: str) -> Usage:
        """Return what ``phases`` asked of models; with no phase named, what the whole run asked.

        Each request counts where it was first asked. Answers out of the cache count with their real
        figures: this is a measurement.
        """
        which = self._of(COMPLETIONS)
        if phases:
            which &= COMPLETIONS.c.phase.in_(phases)
        query = sa.select(*_sums()).where(which)
        with self._transaction() as connection:
            return _usage(connection.execute(query).one())

    def usage_by_model(self, *phases: str) -> dict[AskedModel, Usage]:
        """Return what ``phases`` wanted of models, whether or not another phase had asked it before.

        So a search takes the same whatever ran before it. A phase in a database that an earlier
        version began counts what it was first to ask.
        """
        return self._by_model(self._wanted_by(phases))

    def _wanted_by(self, phases: Sequence[str]) -> sa.ColumnElement[bool]:
        """Completions that ``phases`` asked or needed; all of them with no phase named."""
        if not phases:
            return sa.true()
        in_phases = self._of(PHASE_KEYS) & PHASE_KEYS.c.phase.in_(phases)
        phase_keys = sa.select(PHASE_KEYS.c.key).where(in_phases)
        return COMPLETIONS.c.phase.in_(phases) | COMPLETIONS.c.key.in_(phase_keys)

    def paid_by_model(self, *phases: str) -> dict[AskedModel, Usage]:
        """Return what this run itself asked, model by model: answers out of the cache are left out.

        Each request counts once, where it was first asked.
        """
        which = ~COMPLETIONS.c.from_cache
        return self._by_model(which & COMPLETIONS.c.phase.in_(phases) if phases else which)

    def torn_by_model(self) -> dict[AskedModel, tuple[int, Usage]]:
        """Return how many answers of each model this run asked for again, and what lost tries took.

        `Usage.requests` is their number.
        """
        table = COMPLETIONS.c
        same = (table.model == MODELS.c.fingerprint) & (table.run_id == MODELS.c.run_id)
        joined = COMPLETIONS.outerjoin(MODELS, same)
        text = sa.cast(table.completion, sa.Text)
        was_torn = text.like('%"torn":[%') & text.not_like('%"torn":[0%') & ~table.from_cache
        query = sa.select(table.completion, table.model, MODELS.c.name).select_from(joined)
        query = query.where(self._of(COMPLETIONS) & was_torn).order_by(table.model)
        torn: dict[AskedModel, tuple[int, Usage]] = {}
        with self._transaction() as connection:
            for row in connection.execute(query):
                model = AskedModel(row.model, row.name or row.model)
                answers, used = torn.get(model, (0, Usage()))
                torn[model] = (answers + 1, used + soundly(read_completion, row.completion).torn)
        return torn

    def reused(self, *phases: str) -> int:
        """Return how many completions came out of the cache, of those that ``phases`` wanted, or of all."""
        which = self._of(COMPLETIONS) & COMPLETIONS.c.from_cache & self._wanted_by(phases)
        query = sa.select(sa.func.count()).select_from(COMPLETIONS).where(which)
        with self._transaction() as connection:
            return int(connection.scalar(query) or 0)

    def _by_model(self, which: sa.ColumnElement[bool]) -> dict[AskedModel, Usage]:
        table = COMPLETIONS.c
        same = (table.model == MODELS.c.fingerprint) & (table.run_id == MODELS.c.run_id)
        joined = COMPLETIONS.outerjoin(MODELS, same)
        query = sa.select(*_sums(), table.model, MODELS.c.name).select_from(joined)
        query = query.where(self._of(COMPLETIONS) & which)
        query = query.group_by(table.model, MODELS.c.name).order_by(table.model)
        with self._transaction() as connection:
            rows = connection.execute(query).all()
        return {AskedModel(row.model, row.name or row.model): _usage(row[:5]) for row in rows}

    def put_records(self, records: Mapping[int, Record]) -> None:
        """Commit records by their positions, in one transaction; an older one is replaced."""
        self._upsert(RECORDS, [record_row(*pair) for pair in records.items()])

    def records(self, arm: str) -> list[Record]:
        of_arm = self._of(RECORDS) & (RECORDS.c.arm == arm)
        query = sa.select(RECORDS).where(of_arm).order_by(RECORDS.c.position)
        with self._transaction() as connection:
            return [to_record(row) for row in connection.execute(query).mappings()]


def _sums() -> tuple[sa.ColumnElement[Any], ...]:
    table = COMPLETIONS.c
    summed = (
        table.input_tokens,
        table.cached_tokens,
        table.output_tokens,
        table.machine_seconds,
    )
    return sa.func.count(), *(sa.func.coalesce(sa.func.sum(column), 0) for column in summed)


def _usage(row: Sequence[Any]) -> Usage:
    count, input_tokens, cached, produced, seconds = row
    return Usage(
        int(count), int(input_tokens), int(cached), int(produced), machine_seconds=float(seconds)
    )
