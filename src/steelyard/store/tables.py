"""The tables of a database of runs, and their rows as records. Every row belongs to one run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal, NamedTuple, TypeVar

import sqlalchemy as sa

from steelyard.config.records import read_as, read_completion
from steelyard.core import Answer, Completion, Record, Request
from steelyard.files import parse_json

T = TypeVar("T")
_Outcome = Literal["scored", "failed"]


def dumps(value: Any) -> str:
    """Return canonical JSON: sorted keys, no spaces, and never NaN or Infinity."""
    return json.dumps(
        value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )


class DamagedError(ValueError):
    """The database holds what Steelyard did not write."""


def soundly(read: Callable[[Any], T], value: Any) -> T:
    """Return ``read(value)``; raises `DamagedError` with the reason where it cannot be read."""
    try:
        return read(value)
    except (ValueError, TypeError, LookupError) as error:
        raise DamagedError(str(error)) from error


def check_fields(name: str, payload: Any, fields: Mapping[str, Any]) -> None:
    """Raise `DamagedError` where ``payload`` is no mapping with ``fields``, each with its type."""
    if not isinstance(payload, dict):
        raise DamagedError(f"{name} is not a mapping")
    for key, kind in fields.items():
        soundly(partial(_read_field, kind, f"{name}: {key}"), payload.get(key))


def _read_field(kind: Any, name: str, value: Any) -> Any:
    return read_as(kind, value, name)


class Json(sa.TypeDecorator[Any]):
    """Canonical JSON in a text column; ``None`` is NULL.

    Also for free text that a user or a model wrote: it may hold U+0000, which PostgreSQL refuses in
    plain text and JSON escapes.
    """

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:
        return None if value is None else dumps(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Any:
        return None if value is None else soundly(parse_json, value)


def _of_run() -> sa.Column[str]:
    return sa.Column("run_id", sa.String, primary_key=True)


SCHEMA = sa.MetaData()
RUNS = sa.Table(
    "runs",
    SCHEMA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("task", sa.String, nullable=False),
    sa.Column("created", sa.String, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("identity", Json, nullable=False),
)
META = sa.Table(
    "meta",
    SCHEMA,
    _of_run(),
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("value", Json, nullable=False),
)
STEPS = sa.Table(
    "steps",
    SCHEMA,
    _of_run(),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("payload", Json),
    sa.Column("seconds", sa.Float, nullable=False),
)
"""A step without a payload is not finished: its seconds are what earlier attempts spent on it."""
COMPLETIONS = sa.Table(
    "completions",
    SCHEMA,
    _of_run(),
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("phase", sa.String, nullable=False),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("request", Json, nullable=False),
    sa.Column("completion", Json, nullable=False),
    sa.Column("input_tokens", sa.Integer, nullable=False),
    sa.Column("cached_tokens", sa.Integer, nullable=False),
    sa.Column("output_tokens", sa.Integer, nullable=False),
    sa.Column("machine_seconds", sa.Float, nullable=False),
    sa.Column("from_cache", sa.Boolean, nullable=False),
    sa.Index("completions_by_phase", "run_id", "phase"),
)
"""What came ``from_cache`` is measured like all else, and was not paid by this run."""
MODELS = sa.Table(
    "models",
    SCHEMA,
    _of_run(),
    sa.Column("fingerprint", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("notes", Json),
)
PHASE_KEYS = sa.Table(
    "phase_keys",
    SCHEMA,
    _of_run(),
    sa.Column("phase", sa.String, primary_key=True),
    sa.Column("key", sa.String(64), primary_key=True),
)
"""What each phase needs, even if another phase asked it first: the cost of a search by itself."""
RECORDS = sa.Table(
    "records",
    SCHEMA,
    _of_run(),
    sa.Column("arm", sa.String, primary_key=True),
    sa.Column("example_id", sa.String, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("outcome", sa.String, nullable=False),
    sa.Column("score", sa.Float, nullable=False),
    sa.Column("scores", Json, nullable=False),
    sa.Column("reason", Json),
    sa.Column("output", Json),
    sa.Column("reference", Json, nullable=False),
    sa.Column("completion", Json, nullable=False),
)
"""A record's completion may be the sum of several requests, or of none, so it is kept whole."""


@dataclass(frozen=True)
class StoredCompletion:
    """One row of ``completions``: the request, its model and phase, and the answer.

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


@dataclass(frozen=True)
class StoredRun:
    """What the database says of a run: when it was begun (ISO 8601), how often, and on what input."""

    id: str
    task: str
    created: str
    attempts: int
    identity: Mapping[str, Any]


def completion_row(row: StoredCompletion) -> dict[str, Any]:
    """Return a completion as a row of its table, but for the run. Its columns count torn tries too."""
    completion, torn = row.completion, row.completion.torn
    return {
        "key": row.key,
        "phase": row.phase,
        "model": row.model,
        "request": asdict(row.request),
        "completion": asdict(completion),
        "input_tokens": completion.input_tokens + int(torn.input_tokens),
        "cached_tokens": completion.cached_tokens + int(torn.cached_tokens),
        "output_tokens": completion.output_tokens + int(torn.output_tokens),
        "machine_seconds": completion.machine_seconds,
        "from_cache": row.from_cache,
    }


def record_row(position: int, record: Record) -> dict[str, Any]:
    """Return a record as a row of its table, but for the run."""
    return {
        "arm": record.arm,
        "example_id": record.example_id,
        "position": position,
        "outcome": record.outcome,
        "score": record.score,
        "scores": dict(record.scores),
        "reason": record.reason,
        "output": record.answer.output,
        "reference": record.reference,
        "completion": asdict(record.answer.completion),
    }


def to_record(row: Mapping[Any, Any]) -> Record:
    """Read a record. Raises `DamagedError` where it is none."""
    answer = Answer(row["output"], soundly(read_completion, row["completion"]), row["reason"])
    record = Record(
        arm=row["arm"],
        example_id=row["example_id"],
        outcome=row["outcome"],
        score=row["score"],
        reference=row["reference"],
        answer=answer,
        scores=row["scores"],
    )
    fields = {"output": str | None, "reason": str | None, "reference": str, "outcome": _Outcome}
    check_fields(f"record {record.example_id}", dict(row), {**fields, "scores": dict[str, float]})
    return record


def to_run(row: Mapping[Any, Any]) -> StoredRun:
    """Read a run. Raises `DamagedError` where it is none."""
    check_fields("run", dict(row), {"identity": dict[str, Any], "created": str, "attempts": int})
    return StoredRun(**row)
