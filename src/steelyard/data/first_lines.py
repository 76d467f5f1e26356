"""What a file's first rows show that no guess may pass over: no header, two, or one message a row."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from steelyard.data.formats.roles import (
    Columns,
    is_nameless,
    speaks_in_turns,
    spoken,
    usual_names,
)
from steelyard.data.looks import FEWEST_ROWS, column_look
from steelyard.errors import DataError
from steelyard.words import shortened

_MANY_WORDS, _MANY_TIMES = 5, 2
_FEWEST_KEYS = 2
_IMPORT_ID = '{"ImportId"'
"""How Qualtrics' third header line begins its cells."""
_ASSERTION = re.compile(
    r"(?:not-)?(?:equals|i?contains(?:-any|-all|-json)?|i?starts-with|regex|similar(?:\([\d.]+\))?|is-json|"
    r"javascript|python|fn|eval|llm-rubric|grade|factuality|model-graded-\w+|levenshtein\S*|rouge\S*|latency|cost)"
    r"(?::|$)",
)
"""What promptfoo writes before an expected value: https://www.promptfoo.dev/docs/configuration/test-cases."""


def check_turns(
    file: str, header: Sequence[str], body: Sequence[Mapping[str, Any]], columns: Columns
) -> None:
    """Refuse rows that are single messages of chats, unless their columns are named. Raises `DataError`."""
    if {"input", "output"} <= columns.keys():
        return
    for name in header:
        values = [str(fields.get(name) or "") for fields in body]
        if speaks_in_turns(name, values):
            raise DataError(
                f"{file} has one message a row, and {name!r} says who speaks: put the messages of each "
                'conversation into one row, {"messages": [{"role": "user", "content": …}, …]}'
            )


def check_assertions(file: str, output: str, body: Sequence[Mapping[str, Any]]) -> None:
    """Refuse an output of promptfoo's assertions, which are no answers. Raises `DataError`."""
    if output.startswith("__expected"):
        texts = [str(row.get(output) or "").strip() for row in body]
        assertion = next((text for text in texts if _ASSERTION.match(text)), None)
        if assertion is not None:
            raise DataError(
                f"{output!r} in {file} holds promptfoo's assertions ({shortened(assertion, 40)}): write the "
                "answers alone, in a column of their own"
            )


def check_first_lines(
    file: str, header: tuple[str, ...], body: Sequence[Mapping[str, Any]], columns: Columns
) -> list[str]:
    """Refuse a table without a header or with two; a remark where the user named its columns all the same.

    Raises `DataError`.
    """
    _check_first_row(file, header, body)
    try:
        _check_header(file, header, body)
    except DataError:
        if not {"input", "output"} <= columns.keys():
            raise
        return ["the first line is taken as the header, though it reads like a row"]
    return []


def _check_header(file: str, header: tuple[str, ...], body: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a table whose first line reads like a row: no usual name, and a value that comes again.

    A cell of many words is no name either, unless it is a question above what is none, or some cell
    is much longer than the few words that come again below it. Raises `DataError`.
    """
    if any(spoken(name) in names for name in header for names in usual_names().values()):
        return
    looks = {name: column_look(body, name) for name in header if not is_nameless(name)}
    comes_again = any(
        look.is_few and any(str(fields.get(name)).strip() == name for fields in body)
        for name, look in looks.items()
    )
    is_long = any(
        len(name.split()) >= _MANY_WORDS and not _is_heading(name, body) for name in looks
    )
    is_told = any(
        look.is_few
        and len(name.split()) >= _MANY_WORDS
        and _MANY_TIMES * look.words < len(name.split())
        for name, look in looks.items()
    )
    if comes_again or (is_long and not is_told):
        first = shortened(", ".join(header), 60)
        raise DataError(
            f"{file} seems to have no header: its first line reads like a row ({first}); put a line with "
            "the columns' names before it, such as text,label, or name them: --columns input=…,output=…"
        )


def _check_first_row(file: str, header: tuple[str, ...], body: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a table with a second header, as SurveyMonkey and Qualtrics write it.

    Each of two columns or more, of numbers, dates or links in every other row, is none in the first. Raises
    `DataError`.
    """
    if any(str(cell).startswith(_IMPORT_ID) for row in body[:3] for cell in row.values()):
        raise DataError(
            f"{file} has Qualtrics' three header lines: take out the second and the third of them"
        )
    rest = body[1:]
    looks = {name: column_look(rest, name) for name in header}
    keys = [name for name, look in looks.items() if look.keys == look.filled == len(rest)]
    first = {name: str(body[0].get(name) or "").strip() for name in header} if body else {}
    is_odd = all(column_look(body[:1], name).keys == 0 for name in keys)
    if len(rest) >= FEWEST_ROWS and len(keys) >= _FEWEST_KEYS and is_odd and any(first.values()):
        texts = shortened(", ".join(text for text in first.values() if text), 60)
        raise DataError(
            f"{file} seems to have a second header: its first row reads like none of the others "
            f"({texts}); take it out"
        )


def _is_heading(name: str, body: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a cell ends as a question does, and most of the values below it do not."""
    cells = [str(fields[name]).rstrip() for fields in body if fields.get(name)]
    return name.rstrip().endswith(("?", ":")) and 2 * sum(
        cell.endswith(name.rstrip()[-1]) for cell in cells
    ) < len(cells)
