"""Private data in rows, and in the log of what was done to them, behind placeholders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from steelyard.data.private.phones import regions_of
from steelyard.data.private.redact import PlaceholderBook, redact_fields
from steelyard.data.repairs.texts import mend_value
from steelyard.data.repairs.work import Change, RepairRow, Work

_LOOKED_AT = 200


def redact_rows(work: Work) -> None:
    """Replace private values in every row, also in those that have left, and in the log so far.

    It comes after the texts are mended, for an invisible character hides an address from every
    rule. So where a row holds private data, the log keeps no text from before its repair.
    """
    book = PlaceholderBook(regions_of(islice(_texts(work.rows), _LOOKED_AT)))
    private: dict[int, dict[str, Any]] = {}
    for row in work.rows:
        if row.left is not None:
            _redact_left(row, book)
            continue
        fields, kinds = redact_fields(row.fields, book)
        if kinds:
            changed = [name for name, value in fields.items() if value != row.fields[name]]
            private[row.number] = {name: fields[name] for name in changed}
            row.fields = fields
    work.changes = [_redacted(change, private, book) for change in work.changes]
    work.changes = [_left(work, change) for change in work.changes]
    _log(work, private, book)


def _redact_left(row: RepairRow, book: PlaceholderBook) -> None:
    row.fields, _ = redact_fields(mend_value(row.fields), book)
    row.text = redact_fields({"text": mend_value(row.text)}, book)[0]["text"]


def _redacted(change: Change, private: Container[int], book: PlaceholderBook) -> Change:
    safe = redact_fields({"after": change.after, "reason": change.reason}, book)[0]
    if change.row in private:
        return change._replace(before=None, **safe)
    return change._replace(**safe)


def _left(work: Work, change: Change) -> Change:
    """What a row held when it left, as it is now."""
    row = work.rows[change.row - 1]
    if row.left is None:
        return change
    row.left = change._replace(before=row.fields or row.text)
    return row.left


def _log(work: Work, private: Mapping[int, dict[str, Any]], book: PlaceholderBook) -> None:
    for row in work.rows:
        if row.number in private:
            for name, value in private[row.number].items():
                work.change(row, "redacted", name, (None, value))
    if private:
        kinds = Counter(book.counts)
        said = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
        work.notes.append(f"replaced by placeholders: {said}; rules miss names and free wording")


def _texts(rows: Iterable[RepairRow]) -> Iterator[str]:
    for row in rows:
        yield " ".join(_strings(row.fields))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)
