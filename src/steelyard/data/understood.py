"""What was understood of a source's rows, in the words that ``init`` and ``data check`` print."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from steelyard.data.dataset import Dataset, Unreadable
from steelyard.data.formats import container_of
from steelyard.data.formats.roles import columns_of, resolve, resolve_of_documents
from steelyard.data.formats.shapes import SHAPES
from steelyard.data.formats.shapes.prompt_completion import NAME as PLAIN
from steelyard.errors import DataError
from steelyard.output_kinds import KINDS
from steelyard.private.redact import hide
from steelyard.words import counted, listed, one_line

_SHOWN = 100
_LABELS = 12
_NAMES = 20


class Understood(NamedTuple):
    """One thing that was understood: what it is about, and what it is."""

    about: str
    text: str


def understood(data: Dataset) -> list[Understood]:
    """Say how the rows were read: files, columns, kind, labels, parts, what is left out, the first row."""
    return [Understood(about, text) for about, text in _lines(data)]


def _lines(data: Dataset) -> Iterator[tuple[str, str]]:
    parts = data.task.example_paths
    titles = dict.fromkeys(map(_title, parts.values()))
    counts = Counter((*data.parts_read, *(row.part for row in (*data.bad, *data.left_out))))
    yield "rows", f"{counted(data.rows, 'row')} of {' and '.join(titles)}"
    if "all" not in parts:
        yield "parts", ", ".join(f"{part} {counts[part]:,} ({parts[part].name})" for part in parts)
    yield "columns", _columns(data)
    if data.ignored_keys:
        yield (
            "unused",
            listed(
                [repr(key) if key else "a column without a name" for key in data.ignored_keys],
                _NAMES,
            ),
        )
    yield "output", _output(data)
    if data.unusable:
        yield "bad", _aside(data.unusable)
    if data.left_out:
        yield "left out", _aside(data.left_out)
    for note in data.notes:
        yield "note", note
    rows = data.usable if data.usable.examples else data
    if rows.examples:
        first = rows.examples[0]
        for message in first.context:
            yield f"first {message.role}", _shown(message.content)
        yield "first input", _shown(first.input)
        yield "first output", _shown(rows.written[0]) or "(none)"


def _shown(text: str) -> str:
    """A text on one line, private data hidden: an audit is passed on more freely than rows are."""
    return one_line(hide(text), _SHOWN)


def _title(path: Path) -> str:
    """What a file is; its name where that does not say it."""
    try:
        return container_of(path).title
    except DataError:
        return path.name


def _columns(data: Dataset) -> str:
    titles: dict[str, None] = {}
    for names, shape in data.shapes.items():
        if shape not in (None, PLAIN):
            titles[SHAPES.get(shape).title] = None
            continue
        columns = data.task.columns.by_role()
        roles = dict(resolve(names, columns))
        if data.task.documents is not None:
            roles |= resolve_of_documents(names, columns)
        named = {
            role: name
            for role, name in roles.items()
            if name not in data.ignored_keys and not {*names}.isdisjoint(columns_of(name, names))
        }
        titles[", ".join(f"{role} from {name!r}" for role, name in named.items())] = None
    return "; or ".join(list(titles)[:3]) or "none"


def _output(data: Dataset) -> str:
    if not KINDS[data.kind].is_labelled:
        return "JSON documents" if data.kind == "json" else data.kind
    counts = Counter(label for labels in data.usable.label_sets for label in labels)
    labels = [f"{label} {count:,}" for label, count in counts.most_common()]
    several = ", several in a row" if data.kind == "labels" else ""
    return f"{counted(len(counts), 'label')}{several}: {listed(labels, _LABELS)}"


def _aside(rows: Sequence[Unreadable]) -> str:
    reasons = Counter(row.bad.reason for row in rows)
    reported = [
        f"{count:,} {reason}" if len(reasons) > 1 else reason
        for reason, count in reasons.most_common(3)
    ]
    return f"{counted(len(rows), 'row')}: {'; '.join(reported)} (first in line {rows[0].bad.line})"
