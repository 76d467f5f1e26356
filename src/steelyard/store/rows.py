"""What the database holds, as records and as rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from steelyard.core import Answer, Completion, Record, Request


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


@dataclass(frozen=True)
class StoredRun:
    """What the database says of a run: when it was begun (ISO 8601), how often, and on what input."""

    id: str
    task: str
    created: str
    attempts: int
    identity: Mapping[str, Any]


def to_completion(saved: Mapping[str, Any]) -> Completion:
    """Read a completion."""
    return Completion.from_dict(saved)


def completion_row(row: StoredCompletion) -> dict[str, Any]:
    """Return a completion as a row of its table, but for the run."""
    completion = row.completion
    return {
        "key": row.key,
        "phase": row.phase,
        "model": row.model,
        "request": asdict(row.request),
        "completion": asdict(completion),
        "input_tokens": completion.input_tokens,
        "cached_tokens": completion.cached_tokens,
        "output_tokens": completion.output_tokens,
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
    """Read a record."""
    return Record(
        arm=row["arm"],
        example_id=row["example_id"],
        outcome=row["outcome"],
        score=row["score"],
        reference=row["reference"],
        answer=Answer(row["output"], to_completion(row["completion"]), row["reason"]),
        scores=row["scores"],
    )
