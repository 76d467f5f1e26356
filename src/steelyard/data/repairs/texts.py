"""White space, invisible characters and encoding damage in inputs and outputs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, cast

from steelyard.data.repairs.fields import map_texts
from steelyard.data.repairs.work import Work
from steelyard.errors import MissingExtraError
from steelyard.extras import require
from steelyard.packaged import packaged

Mend = Callable[[str], str]
_DAMAGE = re.compile("[\u00c2-\u00f4][\u0080-\u00bf]")
"""A UTF-8 sequence read as Latin-1. Its second character may be a no-break space or a soft hyphen:
without ftfy such a text keeps them, for otherwise nothing could mend it later."""
_ROUNDS = 5


class TextRepair(NamedTuple):
    """One repair that changed a text."""

    action: str
    before: str
    after: str


def mend_texts(work: Work) -> None:
    """Repair the texts of every row that is still in, and log each step by field."""
    steps, missing = _steps()
    if missing is not None:
        work.notes.append(f"encoding damage is not mended: {missing}")
    for row in work.kept():

        def mend(path: str, text: str, row: Any = row) -> str:
            for step in mended(text, steps):
                work.change(row, step.action, path, (step.before, step.after))
                text = step.after
            return text

        row.fields = map_texts(row.fields, work.task.columns.given(), mend)


def mended(text: str, steps: dict[str, Mend]) -> list[TextRepair]:
    """The repairs that ``text`` needs, in order, until none changes it any more."""
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


def mend_value(value: Any) -> Any:
    """The value with every text in it mended, at whatever depth."""
    if isinstance(value, str):
        repairs = mended(value, _steps()[0])
        return repairs[-1].after if repairs else value
    if isinstance(value, dict):
        return {key: mend_value(member) for key, member in value.items()}
    return [mend_value(member) for member in value] if isinstance(value, list) else value


def _steps() -> tuple[dict[str, Mend], str | None]:
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
    """Whether a letter stands in the text both right and damaged: then it may quote the damage."""
    rest = _DAMAGE.sub("", before)
    letters = {letter for letter in rest if not letter.isascii() and letter.isalpha()}
    return any(after.count(letter) > rest.count(letter) for letter in letters)


def _careful(repair: Mend) -> Mend:
    return lambda text: text if _DAMAGE.search(text) else repair(text)


def _line_breaks(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _characters(text: str) -> str:
    return _patterns()[0].sub("", text)


def _spaces(text: str) -> str:
    return text if text.isascii() else _patterns()[1].sub(" ", text)


def _compose(text: str) -> str:
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


_PLAIN: dict[str, Mend] = {
    "line_breaks": _line_breaks,
    "characters": _characters,
    "spaces": _spaces,
    "unicode": _compose,
    "trim": str.strip,
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
