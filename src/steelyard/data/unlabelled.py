"""A file of inputs without reference outputs, for strategies that have them answered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from steelyard.core import Example
from steelyard.data.dataset import Dataset
from steelyard.data.formats import BadRow, RowError
from steelyard.data.formats.base import RawRow
from steelyard.data.likeness.near import near_matches
from steelyard.data.likeness.rows import asked_text, exact_key
from steelyard.data.read import bad_rows, rows_of
from steelyard.data.rows import RowParser, content_id, parser_of
from steelyard.errors import ConfigError, DataError
from steelyard.private.redact import mark_private
from steelyard.task import Task
from steelyard.task.dataset_folder import is_dataset_folder
from steelyard.task.places import no_file
from steelyard.words import counted, listed


@dataclass(frozen=True)
class Unlabelled:
    """The inputs of a ``file``, none of which dev or test asks; ``output`` is empty where there is none.

    Of its rows, ``leaking`` are left out because dev or test asks the same or nearly the same, ``repeated``
    because an earlier one does, and ``unusable`` could not be read. ``private`` of the inputs hold private
    values.
    """

    file: str
    examples: tuple[Example, ...]
    leaking: int = 0
    repeated: int = 0
    unusable: int = 0
    private: int = 0

    @property
    def fingerprint(self) -> str:
        """A digest of what the inputs and their references say, in their order."""
        rows = json.dumps([[content_id(one), exact_key(one)] for one in self.examples])
        return hashlib.sha256(rows.encode()).hexdigest()

    @property
    def note(self) -> str:
        """How many inputs there are, and how many rows were left out, with the reasons."""
        reasons = {
            "because dev or test asks the same, or nearly": self.leaking,
            "because an earlier row asks the same": self.repeated,
            "because they cannot be read": self.unusable,
        }
        out = [f"{count:,} {why}" for why, count in reasons.items() if count]
        return f"{self.file}: {counted(len(self.examples), 'input')}" + (
            f"; left out: {listed(out)}" if out else ""
        )


def read_unlabelled(data: Dataset, name: str, *, skip_bad_rows: bool = False) -> Unlabelled:
    """Read the file ``name``, which starts at the task's folder, as rows that need no output.

    Raises `ConfigError` where there is no such file, `DataError` for rows that cannot be read, unless
    they are to be skipped.
    """
    path = data.task.path(name)
    if not path.is_file() and not is_dataset_folder(path):
        raise ConfigError(f"inputs: {no_file(path)}")
    rows, bad = _parsed(data.task, path)
    if bad and not skip_bad_rows:
        raise DataError(f"inputs: {bad_rows(bad)} (fix them, or skip them with --skip-bad-rows)")
    texts = [asked_text(row) for row in rows]
    leaking = _leaking(data, texts)
    first: dict[str, int] = {}
    for place, text in enumerate(texts):
        if place not in leaking:
            first.setdefault(text, place)
    examples = [rows[place] for place in first.values()]
    return Unlabelled(
        name,
        tuple(_numbered(examples)),
        leaking=len(leaking),
        repeated=len(rows) - len(leaking) - len(examples),
        unusable=len(bad),
        private=sum(_is_private(example) for example in examples),
    )


def _parsed(task: Task, path: Path) -> tuple[list[Example], tuple[BadRow, ...]]:
    """Return the readable rows, and why the others are not; an output counts only as the task's own does."""
    columns = task.columns.by_role()
    plain = RowParser("text", (), columns, needs_output=False)
    labelled = parser_of(task)
    rows: list[Example] = []
    bad: list[BadRow] = []
    for _, _, raw in rows_of({"inputs": path}, columns):  # a header may lack the output
        try:
            rows.append(_example(raw, path.name, plain, labelled))
        except RowError as error:
            bad.append(BadRow(path.name, raw.line, str(error)))
    return rows, tuple(bad)


def _example(raw: RawRow, file: str, plain: RowParser, labelled: RowParser) -> Example:
    example = plain.parse(raw, file).example
    if not example.output.strip():
        return replace(example, output="", rejected=None)
    row = labelled.parse(raw, file)
    if row.refusal is not None:
        raise RowError(row.refusal)
    return row.example


def _leaking(data: Dataset, texts: Sequence[str]) -> frozenset[int]:
    """The places of ``texts`` that dev or test asks too, in nearly the same letters."""
    sealed = [asked_text(example) for part in data.split[1:] for example in part]
    ranks = [0] * len(sealed) + [1] * len(texts)
    pairs = near_matches([*sealed, *texts], ranks)
    return frozenset(pair.b - len(sealed) for pair in pairs if pair.b >= len(sealed))


def _numbered(examples: Sequence[Example]) -> list[Example]:
    """Ids by place: those of the file may be those of the task's examples."""
    return [replace(one, id=f"inputs/{place}") for place, one in enumerate(examples, 1)]


def _is_private(example: Example) -> bool:
    texts = [example.input, *(turn.content for turn in example.context)]
    return any(mark_private(text).values for text in texts)
