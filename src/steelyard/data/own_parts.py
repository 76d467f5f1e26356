"""The parts that a source has of its own: a datasets folder's splits are kept, a file is one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from steelyard.data.dashes import NO_WORD
from steelyard.data.formats import RowError
from steelyard.data.formats.roles import Columns
from steelyard.data.formats.shapes import conversation_of
from steelyard.data.read import NumberedRow, read_rows, rows_of
from steelyard.data.rows import RowParser
from steelyard.errors import DataError
from steelyard.task.dataset_folder import is_dataset_folder, others_of, splits_of

_LOOKED_AT = 1_000


def example_files(source: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """The files of ``source`` by part, relative to its parent, and remarks on them.

    A folder with splits for training and for testing keeps them; where nobody can see the labels of
    the test split, as of GLUE's, the validation split is the test.
    """
    if not source.name.isprintable():
        raise DataError(f"the file name {source.name!r} holds a control character: rename the file")
    everything = {"all": source.name}
    if not is_dataset_folder(source):
        return everything, ()
    splits = splits_of(source)
    notes = [f"{name!r} is not a known split and is left out" for name in others_of(source)]
    labelled = {part: _has_outputs(source / name) for part, name in splits.items()}
    if labelled.get("train") and labelled.get("test") is False:
        notes.append(f"the split {splits.pop('test')!r} has no outputs and is left out")
    if "test" not in splits and "dev" in splits:
        splits["test"] = splits.pop("dev")
        notes.append(f"the split {splits['test']!r} is the test part; dev is cut from train")
    if list(splits) == ["train"]:
        return {"all": f"{source.name}/{splits['train']}"}, tuple(notes)
    if not splits.keys() >= {"train", "test"}:
        return everything, ()
    parts = {part: f"{source.name}/{name}" for part, name in splits.items()}
    return {part: parts[part] for part in ("train", "dev", "test") if part in parts}, tuple(notes)


def _has_outputs(split: Path) -> bool:
    """Whether any of the first rows says its output, or cannot be read by its names alone."""
    for row in islice(read_rows(split), _LOOKED_AT):
        try:
            if row.reason is not None or conversation_of(row.fields, may_lack=True).answer:
                return True
        except RowError:
            return True
    return False


def bare_rows(
    source: Path, files: Mapping[str, str], columns: Columns | None = None
) -> Iterator[NumberedRow]:
    """Yield the rows of a source by part, numbered on. Raises `DataError`."""
    return rows_of({part: source.parent / name for part, name in files.items()}, columns or {})


def without_dashes(
    rows: Sequence[NumberedRow], labels: tuple[str, ...], columns: Columns
) -> list[NumberedRow]:
    """The rows; those that have a dash where ``labels`` are words come with that as their reason."""
    parser = RowParser("label", labels, columns)
    return [_without_dash(parser, row) for row in rows]


def _without_dash(parser: RowParser, numbered: NumberedRow) -> NumberedRow:
    try:
        reason = parser.parse(numbered.row, "").refusal or ""
    except RowError:
        return numbered
    return (
        numbered._replace(row=numbered.row._replace(reason=reason))
        if reason.endswith(NO_WORD)
        else numbered
    )
