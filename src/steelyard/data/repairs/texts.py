"""Repairs of the texts in rows: white space, invisible characters, encoding damage, private data."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple, cast

from steelyard.data.formats.roles import Columns
from steelyard.data.repairs.fields import map_texts
from steelyard.data.repairs.work import RepairChange, RepairRow, RepairWork
from steelyard.errors import MissingExtraError
from steelyard.extras import require
from steelyard.layout import has_layout
from steelyard.packaged import packaged
from steelyard.private.phones import regions_of
from steelyard.private.redact import PlaceholderBook, redact_fields

ChangeText = Callable[[str], str]
Steps = Mapping[str, ChangeText]
_DAMAGE = re.compile("[\u00c2-\u00f4][\u0080-\u00bf]")
"""A UTF-8 sequence read as Latin-1. Its second character may be a no-break space or a soft hyphen:
without ftfy such a text keeps them, or nothing could repair it later."""
_ROUNDS = 5
_LOOKED_AT = 200


class TextRepair(NamedTuple):
    """One repair that changed a text."""

    action: str
    before: str
    after: str


def repair_texts(work: RepairWork) -> None:
    """Repair the texts of every row that is still in, and log each step by field.

    White space around a text is content where the row asks for text and one of its texts is laid out.
    """
    every, missing = _steps()
    untrimmed = {action: repair for action, repair in every.items() if action != "trim"}
    if missing is not None:
        work.notes.append(f"encoding damage is not repaired: {missing}")
    columns = work.task.columns.by_role()
    for row in work.remaining():
        is_laid_out = work.task.output.kind == "text" and _is_laid_out(row.fields, columns)
        steps = untrimmed if is_laid_out else every

        def change(path: str, text: str, row: Any = row, steps: Steps = steps) -> str:
            for step in repairs_of(text, steps):
                work.change(row, step.action, path, (step.before, step.after))
                text = step.after
            return text

        row.fields = map_texts(row.fields, columns, change)


def _is_laid_out(fields: Mapping[str, Any], columns: Columns) -> bool:
    texts: list[str] = []

    def note(path: str, text: str) -> str:
        texts.append(text)
        return text

    map_texts(fields, columns, note)
    return any(map(has_layout, texts))


def repairs_of(text: str, steps: Steps) -> list[TextRepair]:
    """The repairs that ``text`` needs, in order, until none changes it."""
    repairs: list[TextRepair] = []
    for _ in range(_ROUNDS):
        before = len(repairs)
        for action, repair in steps.items():
            after = repair(text)
            if after != text:
                repairs.append(TextRepair(action, text, after))
                text = after
        if len(repairs) == before:
            break
    return repairs


def repaired_value(value: Any) -> Any:
    """The value with every text in it repaired, at whatever depth."""
    if isinstance(value, str):
        repairs = repairs_of(value, _steps()[0])
        return repairs[-1].after if repairs else value
    if isinstance(value, dict):
        return {key: repaired_value(member) for key, member in value.items()}
    return [repaired_value(member) for member in value] if isinstance(value, list) else value


def _steps() -> tuple[dict[str, ChangeText], str | None]:
    """The repairs in order, and why there is none for encoding damage."""
    try:
        ftfy = require("ftfy", "data")
    except MissingExtraError as error:
        return {action: _careful(repair) for action, repair in _PLAIN.items()}, str(error)

    def encoding(text: str) -> str:
        if text.isascii():
            return text
        after = cast(str, ftfy.fix_encoding(text))
        return text if after == text or _is_about_damage(text, after) else after

    return {"encoding": encoding, **_PLAIN}, None


def _is_about_damage(before: str, after: str) -> bool:
    """Whether a letter is in the text both intact and damaged: then it may quote the damage."""
    rest = _DAMAGE.sub("", before)
    letters = {letter for letter in rest if not letter.isascii() and letter.isalpha()}
    return any(after.count(letter) > rest.count(letter) for letter in letters)


def _careful(repair: ChangeText) -> ChangeText:
    return lambda text: text if _DAMAGE.search(text) else repair(text)


def _line_breaks(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _characters(text: str) -> str:
    return _patterns()[0].sub("", text)


def _spaces(text: str) -> str:
    return text if text.isascii() else _patterns()[1].sub(" ", text)


def _compose(text: str) -> str:
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def _trimmed(text: str) -> str:
    return text if has_layout(text) else text.strip()


_PLAIN: dict[str, ChangeText] = {
    "line_breaks": _line_breaks,
    "characters": _characters,
    "spaces": _spaces,
    "unicode": _compose,
    "trim": _trimmed,
}


@lru_cache(maxsize=1)
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What is removed, and what becomes a space."""
    lists = packaged("data/data/characters.yaml")
    ranges = "".join(
        "-".join(re.escape(chr(int(code, 16))) for code in span.split("-"))
        if isinstance(span, str)
        else re.escape(chr(span))
        for span in lists["remove_controls"]
    )
    removed = "".join(map(re.escape, lists["remove"])) + ranges
    return re.compile(f"[{removed}]"), re.compile(f"[{''.join(lists['space'])}]")


def redact_rows(work: RepairWork) -> None:
    """Replace private values in every row, also in those that have left, and in the log so far.

    It comes after the texts are repaired, for an invisible character hides an address from every
    rule. So where a row holds private data, the log keeps no text from before its repair.
    """
    book = PlaceholderBook(regions_of(islice(_texts(work.rows), _LOOKED_AT)))
    private: dict[int, dict[str, Any]] = {}
    for row in work.rows:
        if row.removal is not None:
            _redact_removed(row, book)
            continue
        fields, kinds = redact_fields(row.fields, book)
        if kinds:
            changed = [name for name, value in fields.items() if value != row.fields[name]]
            private[row.number] = {name: fields[name] for name in changed}
            row.fields = fields
    work.changes = [_redacted(change, private, book) for change in work.changes]
    work.changes = [_removal(work, change) for change in work.changes]
    _log(work, private, book)


def _redact_removed(row: RepairRow, book: PlaceholderBook) -> None:
    row.fields, _ = redact_fields(repaired_value(row.fields), book)
    row.text = redact_fields({"text": repaired_value(row.text)}, book)[0]["text"]


def _redacted(change: RepairChange, private: Container[int], book: PlaceholderBook) -> RepairChange:
    safe = redact_fields({"after": change.after, "reason": change.reason}, book)[0]
    if change.row in private:
        return change._replace(before=None, **safe)
    return change._replace(**safe)


def _removal(work: RepairWork, change: RepairChange) -> RepairChange:
    """The removal of a row, with what the row holds now."""
    row = work.rows[change.row - 1]
    if row.removal is None:
        return change
    row.removal = change._replace(before=row.fields or row.text)
    return row.removal


def _log(work: RepairWork, private: Mapping[int, dict[str, Any]], book: PlaceholderBook) -> None:
    for row in work.rows:
        if row.number in private:
            for name, value in private[row.number].items():
                work.change(row, "redacted", name, (None, value))
    if private:
        kinds = Counter(book.counts)
        replaced = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
        work.notes.append(
            f"replaced by placeholders: {replaced}; rules miss names and free wording"
        )


def _texts(rows: Iterable[RepairRow]) -> Iterator[str]:
    for row in rows:
        yield " ".join(_strings(row.fields))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from _strings(member)
    elif isinstance(value, list):
        for member in value:
            yield from _strings(member)
