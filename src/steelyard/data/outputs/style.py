"""Outputs in another style than most: JSON among text, fences, quotes, closing marks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from steelyard.data.outputs.base import Outputs, Trouble, by_index
from steelyard.words import percent

LEAST_OUTPUTS = 20
RULE = 0.8
"""Share of the outputs from which a style is the rule and the rest stand out."""

_FENCED = re.compile(r"```")
_QUOTED = re.compile(r"""(?:"[^"]*"|“[^”]*”|'[^']*'|«[^»]*»|„[^“]*“)""", re.DOTALL)
_CLOSED = re.compile(r"""[.!?…。！？:;][)\]"'”’»*_`]*$""")
_CURLY = re.compile("[“”‘’]")
_STRAIGHT = re.compile(r"""["']""")


def not_json(outputs: Outputs) -> Iterator[Trouble]:
    """For kind json: outputs that are none, those in a code fence apart, for the repair differs."""
    if outputs.kind != "json":
        return
    reasons = {index: each.reason for index, each in outputs.parsed.items() if each.reason}
    fenced = {index: why for index, why in reasons.items() if why == "in a code fence"}
    if fenced:
        stand = "output stands" if len(fenced) == 1 else "outputs stand"
        yield Trouble(
            "fenced",
            "error",
            f"{len(fenced):,} {stand} in a code fence, which is no JSON: a run refuses them; take "
            "the fence away",
            list(fenced),
        )
    broken = {index: why for index, why in reasons.items() if index not in fenced}
    if broken:
        indices, notes = by_index(broken)
        is_broken = "output is" if len(broken) == 1 else "outputs are"
        yield Trouble(
            "not_json",
            "error",
            f"{len(broken):,} {is_broken} no JSON object or array, such as row "
            f"{outputs.data.numbers[indices[0]]}: {notes[0]}",
            indices,
            notes,
        )


def mixed(outputs: Outputs) -> Iterator[Trouble]:
    """For text: the outputs that do not keep to the style of the others."""
    if outputs.kind != "text" or len(outputs.filled) < 2:
        return
    texts = outputs.texts
    yield from _fewer(outputs, "mixed_json", "JSON", list(outputs.values))
    fenced = [index for index in outputs.filled if _FENCED.match(texts[index])]
    yield from _fewer(outputs, "mixed_fences", "text in a code fence", fenced)
    quoted = [index for index in outputs.filled if _QUOTED.fullmatch(texts[index])]
    yield from _fewer(outputs, "mixed_quotes", "text in quotation marks", quoted)
    yield from _closing(outputs)
    yield from _quote_marks(outputs)


def _fewer(outputs: Outputs, name: str, what: str, having: Sequence[int]) -> Iterator[Trouble]:
    """The smaller side of those that have a mark and those that do not, if there are both."""
    total = len(outputs.filled)
    if not 0 < len(having) < total:
        return
    odd, is_not = having, "is" if len(having) == 1 else "are"
    if len(having) > total / 2:
        has = set(having)
        odd = [index for index in outputs.filled if index not in has]
        is_not = "is not" if len(odd) == 1 else "are not"
    noun = "output" if len(odd) == 1 else "outputs"
    yield Trouble(
        name,
        "warning",
        f"{len(odd):,} {noun} of {total:,} {is_not} {what}, unlike the others: a tuned model will "
        "write either",
        odd,
    )


def _closing(outputs: Outputs) -> Iterator[Trouble]:
    """A full stop at the end that nearly all have, or nearly none: the others may be cut off."""
    total = len(outputs.filled)
    if total < LEAST_OUTPUTS:
        return
    texts = outputs.texts
    closed = {index for index in outputs.filled if _CLOSED.search(texts[index][-8:])}
    most = max(len(closed), total - len(closed))
    if most < RULE * total or most == total:
        return
    is_rule = len(closed) == most
    odd = [index for index in outputs.filled if (index in closed) != is_rule]
    end = "output ends" if len(odd) == 1 else "outputs end"
    how = "without a closing mark" if is_rule else "in a closing mark"
    rest = "do: they may be cut off" if is_rule else "do not: exact matches will fail"
    yield Trouble(
        "mixed_closing",
        "note",
        f"{len(odd):,} {end} {how}, where {percent(most / total)} {rest}",
        odd,
    )


def _quote_marks(outputs: Outputs) -> Iterator[Trouble]:
    texts = outputs.texts
    curly = [i for i in outputs.filled if not texts[i].isascii() and _CURLY.search(texts[i])]
    straight = [i for i in outputs.filled if _STRAIGHT.search(texts[i])] if curly else []
    if not curly or not straight:
        return
    odd, how = (curly, "curly") if len(curly) <= len(straight) else (straight, "straight")
    has = "output has" if len(odd) == 1 else "outputs have"
    other = "straight" if how == "curly" else "curly"
    yield Trouble(
        "mixed_quote_marks",
        "note",
        f"{len(odd):,} {has} {how} quotation marks or apostrophes, where "
        f"{max(len(curly), len(straight)):,} have {other} ones: write them alike",
        odd,
    )
