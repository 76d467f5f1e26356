"""From what a model wrote to an answer of the kind that the task asks for."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Sequence
from typing import Protocol

from steelyard.core import OutputKind
from steelyard.words import one_line

_TRIM = string.punctuation + string.whitespace + "“”‘’«»…"
_FENCE = re.compile(r"```[\w-]*\s*\n?(.*?)```", re.DOTALL)
_SHOWN = 60


class OutputSpec(Protocol):
    """What an answer should be; a strategy's ``Brief`` is one."""

    @property
    def kind(self) -> OutputKind: ...

    @property
    def labels(self) -> tuple[str, ...]: ...


def parse_output(spec: OutputSpec, text: str) -> tuple[str | None, str | None]:
    """Return ``(output, None)``, or ``(None, reason)`` when the text holds no usable answer."""
    if not text.strip():
        return None, "empty answer"
    if spec.kind == "label":
        return parse_label(text, spec.labels)
    if spec.kind == "json":
        return parse_json(text)
    return text.strip(), None


def parse_label(text: str, labels: Sequence[str]) -> tuple[str | None, str | None]:
    """Find the one label that a text gives.

    The text is a label but for case, quotes and punctuation; or its first line names exactly one
    label as a whole word; or else the whole text does.
    """
    if not text.strip():
        return None, "empty answer"
    if text.strip() in labels:
        return text.strip(), None
    same = [label for label in labels if _bare(label) == _bare(text)]
    if len(same) == 1:
        return same[0], None
    first_line = text.strip().splitlines()[0]
    named = _named(first_line, labels) or _named(text, labels)
    if len(named) == 1:
        return named[0], None
    several = f" (it names {', '.join(named[:3])})" if named else ""
    return None, f"not a label: {one_line(text, _SHOWN)!r}{several}"


def parse_json(text: str) -> tuple[str | None, str | None]:
    """Find the JSON object or array in a text: alone, in a code fence, or between other words.

    Between other words the longer of the first object and the first array is taken.
    """
    for candidate in (text.strip(), *_FENCE.findall(text)):
        if (value := _leading_json(candidate.strip())) is not None:
            return value, None
    starts = [text[at:] for at in (text.find("{"), text.find("[")) if at >= 0]
    values = [value for start in starts if (value := _leading_json(start)) is not None]
    if values:
        return max(values, key=len), None
    return None, f"not a JSON object or array: {one_line(text, _SHOWN)!r}"


def _leading_json(text: str) -> str | None:
    if not text.startswith(("{", "[")):
        return None
    try:
        _, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return text[:end]


def refuse_constant(constant: str) -> float:
    """Refuse ``NaN`` and ``Infinity``, which Python's parser takes for JSON."""
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=refuse_constant)


def _bare(text: str) -> str:
    """Fold case and trim quotes and punctuation, unless nothing would be left."""
    return text.casefold().strip(_TRIM) or text.casefold().strip()


def _named(text: str, labels: Sequence[str]) -> list[str]:
    """Labels named as whole words, longest first, so that ``card`` is not seen in ``lost card``."""
    by_fold: dict[str, list[str]] = {}
    for label in labels:
        by_fold.setdefault(label.casefold(), []).append(label)
    longest = sorted(by_fold, key=len, reverse=True)
    pattern = r"(?<![\w-])(?:" + "|".join(re.escape(label) for label in longest) + r")(?![\w-])"
    matches = dict.fromkeys(re.findall(pattern, text.casefold())) if longest else {}
    return [label for fold in matches for label in by_fold[fold]]
