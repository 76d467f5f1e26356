"""The words around labels in answers, as patterns: what announces a label, doubts it, takes it back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from steelyard.folding import plain
from steelyard.packaged import packaged

_IT_SEEMS = (
    r"(?:this|that|it|which|label|answer|category|class)"
    r"(?:'s| is| was| would be| seems(?: to be)?| looks| appears(?: to be)?)"
)


@cache
def label_words() -> dict[str, Any]:
    """The patterns of words that stand before and after labels; see ``label_text.yaml``."""
    words = packaged("label_text.yaml")
    start = r"[\W_]*(?:{})(?!\w)"
    opener, noun, says = _opener(words), _noun(words), _says(words)
    presented = rf"(?:here (?:it is|you are|you go)|here(?:'s| is) {noun})"
    misfit = rf"(?:(?:{words['misfit_degrees']}) )*(?:{_any(words['misfits'])})"
    patterns = {
        "doubts": rf"\b(?:{_any(words['doubts'])})\b|\?",
        "suffixes": rf"(?:\s+(?:{_any(words['suffixes'])})\b){{1,2}}",
        "kinds": rf"\s+(?:{_any(words['kinds'])})[.!]*",
        "confirmations": rf"\s*,?\s+(?:{_any(words['confirmations'])})[.!]*",
        "confidences": rf"\s*(?:{_any(words['confidences'])})[.!]*",
        "measures": rf"\b(?:{_any(words['measures'])})\b|%",
        "courtesies": rf"(?:{_any(words['courtesies'])})[^.?!]*[.?!]*",
        "announcements": rf"{opener}(?:{presented}|{noun}(?:{says})?)\s*:?",
        "fields": _field(words),
        "refusals": rf"\b(?:{_any(words['refusals'])})",
        "corrections": start.format(rf"{_any(words['corrections'])}|{misfit}"),
        "retractions": (
            rf"\b(?:{_any(words['retractions'])}|{_IT_SEEMS} {misfit})(?!\w)"
            rf"|{_any(words['unspaced_retractions'])}"
        ),
        "reasons": rf"{start.format(_any(words['reasons']))}|[\W_]*(?:{_any(words['unspaced_reasons'])})",
        "foreign": r"[^\W\d_\x00-\u024f]",
    }
    compiled = {name: re.compile(text, re.IGNORECASE) for name, text in patterns.items()}
    return compiled | {
        name: frozenset(words[name]) for name in ("everyday", "function_words", "denials")
    }


def _any(alternatives: Sequence[str]) -> str:
    return plain("|".join(alternatives))


def _opener(words: Mapping[str, Any]) -> str:
    clauses = _any(words["clauses"])
    return rf"(?:(?:{_any(words['openers'])})[\s,.:!-]+){{0,3}}(?:{clauses})?"


def _noun(words: Mapping[str, Any]) -> str:
    nouns = _any([*words["english_nouns"], *words["nouns"]])
    return rf"(?:(?:{_any(words['adjectives'])})\s*){{0,6}}(?:{nouns})"


def _says(words: Mapping[str, Any]) -> str:
    copulas, unspaced = _any(words["copulas"]), _any(words["unspaced_copulas"])
    surely = rf"(?:\s+(?:{_any(words['adverbs'])}))?"
    return rf"(?:\s+(?:{copulas})\b{surely}\s*:?|\s*[:=]|\s*(?:{unspaced})\s*:?)"


def _field(words: Mapping[str, Any]) -> str:
    names = _any([*words["fields"], *words["english_nouns"]])
    return rf"(?:(?:{_any(words['field_qualifiers'])}) )?(?:{names})"


def label_leads() -> Iterator[tuple[str, str]]:
    """What may stand before a label on its line, by kind, as regular expressions."""
    words = packaged("label_text.yaml")
    opener, noun, says = _opener(words), _noun(words), _says(words)
    article = r"(?P<article>(?:an?|the|ein|eine|un|une|una)\s+)?"
    yield "start", r"(?P<article>(?!))?"
    yield "announced", rf"{opener}{noun}(?:\s+(?:{_any(words['subjects'])}))?{says}\s*{article}"
    yield "statement", rf"{opener}(?:{_any(words['statements'])})[\s:]+{article}"
    yield "named", rf"(?P<article>(?!))?(?:{noun}|option)\s+"
