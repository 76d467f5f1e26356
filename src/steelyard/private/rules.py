"""The rules of ``data/private.yaml``, compiled once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple

from steelyard.packaged import packaged
from steelyard.private import checksums, shapes

_EDGES = {
    "none": ("", ""),
    "word": (r"(?<![^\W_])", r"(?![^\W_])"),
    "number": (r"(?<![\w@$€£/+-])(?<!\d[.,])", r"(?!\w)(?![-/.,]\d)"),
}
_FILLERS = r"[\s:#.'\"-]*(?:(?:no|nr|num|number|nummer|id|code|key|is|was|n°)\b[\s:#.'\"-]*){0,3}$"
BEFORE, AFTER = 48, 24
"""Context words count within so many characters of a value."""


class PrivateKind(NamedTuple):
    """A kind of private data: the weight of a finding, and its words."""

    severity: str
    one: str
    many: str


@dataclass(frozen=True)
class PrivateRule:
    """One form of one kind; the fields are explained at the top of ``private.yaml``."""

    name: str
    kind: str
    pattern: re.Pattern[str]
    strength: int
    digits: int
    needs: tuple[str, ...]
    is_long: bool
    check: Callable[[str], bool] | None
    context: re.Pattern[str] | None
    labels: re.Pattern[str] | None
    group: str | int

    def holds(self, text: str, start: int, end: int) -> bool:
        if self.check is not None and not self.check(text[start:end]):
            return False
        if self.labels is not None and is_labelled(self.labels, text, start):
            return False
        return self.context is None or is_near(self.context, text, start, end)


class PhoneRules(NamedTuple):
    """Words that make a number a phone's or something else, and the regions whose forms count."""

    context: re.Pattern[str]
    labels: re.Pattern[str]
    regions: tuple[str, ...]
    by_language: Mapping[str, Sequence[str]]


class RuleBook(NamedTuple):
    """All that ``private.yaml`` says."""

    date: str
    missed: str
    kinds: Mapping[str, PrivateKind]
    rules: tuple[PrivateRule, ...]
    phone: PhoneRules


@lru_cache(maxsize=1)
def rule_book() -> RuleBook:
    """Read and compile the rules."""
    raw = packaged("private/data/private.yaml")
    labels = [word for line in raw["labels"] for word in line.split("|")]
    fragments = {**raw["fragments"], "iban": _iban_pattern(raw["iban_lengths"])}
    card = shapes.CardTable(raw["cards"])
    build = partial(_rule, fragments=fragments, labels=_label_pattern(labels), card=card)
    phone = raw["phone"]
    return RuleBook(
        date=str(raw["date"]),
        missed=raw["missed"],
        kinds={name: PrivateKind(**kind) for name, kind in raw["kinds"].items()},
        rules=tuple(build(rule) for rule in raw["rules"]),
        phone=PhoneRules(
            context=_word_pattern(phone["context"]),
            labels=_label_pattern([*labels, *phone["labels"]]),
            regions=tuple(phone["regions"]),
            by_language=phone["by_language"],
        ),
    )


def is_near(words: re.Pattern[str], text: str, start: int, end: int) -> bool:
    """Whether one of ``words`` is near the value at ``start`` to ``end``."""
    before, after = text[max(0, start - BEFORE) : start], text[end : end + AFTER]
    return words.search(before) is not None or words.search(after) is not None


def is_labelled(labels: re.Pattern[str], text: str, start: int) -> bool:
    """Whether the words just before ``start`` make the number something else."""
    return labels.search(text[max(0, start - BEFORE) : start]) is not None


def _rule(
    raw: Mapping[str, Any],
    fragments: Mapping[str, str],
    labels: re.Pattern[str],
    card: Callable[[str], bool],
) -> PrivateRule:
    context = raw.get("context")
    return PrivateRule(
        name=raw["name"],
        kind=raw["kind"],
        pattern=(pattern := _pattern(raw["pattern"], raw.get("edges", "none"), fragments)),
        strength=raw["strength"],
        digits=raw.get("digits", 1),
        needs=tuple(raw.get("needs", ())),
        is_long=raw.get("long", False),
        check=_check(raw.get("check"), card),
        context=_word_pattern(context) if context else None,
        labels=labels if raw.get("labelled") else None,
        group="value" if "value" in pattern.groupindex else 0,
    )


def _check(name: str | None, card: Callable[[str], bool]) -> Callable[[str], bool] | None:
    if name is None or name == "card":
        return card if name else None
    test: Callable[[str], bool] = getattr(checksums, name, None) or getattr(shapes, name)
    return test


def _pattern(text: str, edges: str, fragments: Mapping[str, str]) -> re.Pattern[str]:
    for name, fragment in fragments.items():
        text = text.replace(f"<<{name}>>", fragment.replace("<<gap>>", fragments["gap"]))
    flags = re.IGNORECASE if text.startswith("(?i)") else 0
    before, after = _EDGES[edges]
    return re.compile(f"{before}(?:{text.removeprefix('(?i)')}){after}", flags)


def _word_pattern(words: Sequence[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<![^\W_])(?:{_either(words)})(?![^\W_])", re.IGNORECASE)


def _label_pattern(words: Sequence[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<![^\W_])(?:{_either(words)})\b{_FILLERS}", re.IGNORECASE)


def _either(words: Sequence[str]) -> str:
    """An expression for any of ``words``, the longest first."""
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


def _iban_pattern(lengths: Mapping[str, int]) -> str:
    """Countries of one length share a branch; in one run, or in groups of four."""
    countries: dict[int, list[str]] = {}
    for country, length in lengths.items():
        spelled = "".join(f"[{letter}{letter.lower()}]" for letter in list(country))
        countries.setdefault(length, []).append(spelled)
    either = "|".join(
        f"(?:{'|'.join(names)}){_iban_rest(length)}" for length, names in countries.items()
    )
    return rf"(?<![^\W_])(?=[A-Za-z]{{2}}\d\d[ \u00a0-]?[A-Za-z0-9]{{4}})(?:{either})(?![^\W_])"


def _iban_rest(length: int) -> str:
    fours, rest = divmod(length - 4, 4)
    last = rf"(?P=gap{length})[A-Za-z0-9]{{{rest}}}" if rest else ""
    gap = rf"(?P<gap{length}>[ \u00a0-])"
    grouped = rf"{gap}[A-Za-z0-9]{{4}}(?:(?P=gap{length})[A-Za-z0-9]{{4}}){{{fours - 1}}}{last}"
    return rf"\d\d(?:[A-Za-z0-9]{{{length - 4}}}|{grouped})"
