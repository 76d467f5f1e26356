"""The words around labels in answers, as patterns: what announces a label, doubts it, takes it back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from steelyard.folding import plain
from steelyard.packaged import packaged


@cache
def label_words() -> dict[str, Any]:
    """The patterns of words that stand before and after labels; see ``label_text.yaml``."""
    words = packaged("label_text.yaml")
    start = r"[\W_]*(?:{})(?!\w)"
    opener, noun, says = _opener(words), _noun(words), _says(words)
    presented = rf"(?:here (?:it is|you are|you go)|here(?:'s| is) {noun})"
    patterns = {
        "doubts": rf"\b(?:{_any(words['doubts'])})\b|\?",
        "suffixes": rf"\s+(?:{_any(words['suffixes'])})\b",
        "announcements": rf"{opener}(?:{presented}|{noun}(?:{says})?)\s*:?",
        "fields": _any(words["fields"]),
        "refusals": rf"\b(?:{_any(words['refusals'])})",
        "corrections": start.format(_any(words["corrections"])),
        "retractions": rf"\b(?:{_any(words['retractions'])})(?!\w)|{_any(words['unspaced_retractions'])}",
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
    return rf"(?:(?:{_any(words['openers'])})[\s,.:!-]+){{0,3}}"


def _noun(words: Mapping[str, Any]) -> str:
    return rf"(?:(?:{_any(words['adjectives'])})\s*){{0,6}}(?:{_any(words['nouns'])})"


def _says(words: Mapping[str, Any]) -> str:
    copulas, unspaced = _any(words["copulas"]), _any(words["unspaced_copulas"])
    return rf"(?:\s+(?:{copulas})\b\s*:?|\s*[:=]|\s*(?:{unspaced})\s*:?)"


def label_leads() -> Iterator[tuple[str, str]]:
    """What may stand before a label on its line, by kind, as regular expressions."""
    words = packaged("label_text.yaml")
    opener, noun, says = _opener(words), _noun(words), _says(words)
    article = r"(?P<article>(?:an?|the|ein|eine|un|une|una)\s+)?"
    yield "start", r"(?P<article>(?!))?"
    yield "announced", rf"{opener}{noun}(?:\s+(?:for|of)\s+(?:this|the)\s+\w+)?{says}\s*{article}"
    yield "statement", rf"{opener}(?:{_any(words['statements'])})[\s:]+{article}"
    yield "named", rf"(?P<article>(?!))?(?:{noun}|option)\s+"
