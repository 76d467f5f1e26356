"""The user's own ratings of replies, to check a judge against."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steelyard.core import Example
from steelyard.data.formats import BadRow, RawRow, RowError, reader_for
from steelyard.errors import DataError, closest
from steelyard.score.judge.options import JudgeOptions

OUTCOMES = ("loss", "tie", "win")
_FIELDS = ("input", "output", "rating", "reference")
_NEEDED = ("input", "output", "rating")
_SHOWN = 5


@dataclass(frozen=True)
class Rating:
    """One reply as the user rated it: ``rating`` is win, tie or loss, or a mark as a whole number.

    ``example`` holds the input and the reference.
    """

    example: Example
    output: str
    rating: str


def read_ratings(
    path: Path, options: JudgeOptions, examples: Sequence[Example] = ()
) -> list[Rating]:
    """Read rows of input, output, rating and reference, in any form that examples take.

    A row without a reference takes that of the example with the same input. Raises `DataError` that
    names every row that cannot be used.
    """
    references = {example.input.strip(): example for example in examples}
    ratings: list[Rating] = []
    bad: list[BadRow] = []
    for row in reader_for(path)(path, None):
        try:
            ratings.append(_rating(row, f"{path.name}:{row.line}", options, references))
        except RowError as error:
            bad.append(BadRow(path.name, row.line, str(error)))
    if bad:
        more = f"; and {len(bad) - _SHOWN:,} more" if len(bad) > _SHOWN else ""
        raise DataError(f"judge.ratings: {'; '.join(map(str, bad[:_SHOWN]))}{more}")
    if not ratings:
        raise DataError(
            f"judge.ratings: {path.name} has no rows; rate some replies, or leave judge.ratings out"
        )
    return ratings


def _rating(
    row: RawRow, source: str, options: JudgeOptions, references: Mapping[str, Example]
) -> Rating:
    if row.reason is not None:
        raise RowError(row.reason)
    fields = {str(key).strip().casefold(): value for key, value in row.fields.items()}
    for name in _NEEDED:
        if fields.get(name) in (None, ""):
            others = [key for key in fields if key not in _FIELDS]
            hint = next((closest(name, [other]) for other in others if closest(name, [other])), "")
            raise RowError(f"no {name}{hint}; each row needs {', '.join(_FIELDS[:3])}")
    text, output = (_text(fields, name) for name in ("input", "output"))
    example_of_input = references.get(text.strip())
    reference_field = fields.get("reference")
    reference = _text(fields, "reference") if reference_field not in (None, "") else ""
    if not reference and example_of_input is not None:
        reference = example_of_input.output
    if options.mode == "compare" and not reference:
        raise RowError(
            "no reference, and no example has this input; add one, or set judge.mode to rate"
        )
    context = example_of_input.context if example_of_input is not None else ()
    example = Example(id=source, input=text, output=reference, context=context, source=source)
    return Rating(example, output, _read_rating(fields["rating"], options))


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        raise RowError(f"{name} must be text, not {str(value)[:40]}")
    return value


def _read_rating(value: Any, options: JudgeOptions) -> str:
    text = str(value).strip().casefold()
    if options.mode == "compare":
        if text in OUTCOMES:
            return text
        hint = closest(text, OUTCOMES)
        marks = "; marks are for judge.mode rate" if text.isdigit() else ""
        raise RowError(f"rating {str(value)[:40]!r} is not win, tie or loss{hint}{marks}")
    whole = re.fullmatch(r"(\d{1,3})(?:\.0*)?", text)
    if whole is not None and 1 <= int(whole[1]) <= options.scale:
        return str(int(whole[1]))
    words = "; win, tie and loss are for judge.mode compare" if text in OUTCOMES else ""
    raise RowError(
        f"rating {str(value)[:40]!r} is not a whole number from 1 to {options.scale}{words}"
    )
