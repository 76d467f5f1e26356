"""Advice as text for a terminal, at most 100 columns wide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from textwrap import wrap

from steelyard.advice.base import Advice, CitedRule, cited
from steelyard.advice.choices import WAYS
from steelyard.advice.data_answers import DataAnswer
from steelyard.advice.questions import answer_keys
from steelyard.advice.reasons import AdviceReason
from steelyard.advice.turning import TurningAnswer
from steelyard.advice.ways import way_facts

WIDTH = 100
_STRENGTHS = {"word": "word of mouth", "vendor": "vendor", "paper": "paper", "measured": "measured"}


def advice_text(advice: Advice, from_data: Sequence[DataAnswer] = ()) -> str:
    """The advice, the recommendation first; ``from_data`` is what the data answered by itself."""
    name = way_facts(advice.recommendation).name
    deciding = f" [{', '.join(advice.deciding_rules)}]" if advice.deciding_rules else ""
    lines = [
        *_wrapped(f"{name[0].upper()}{name[1:]} ({advice.recommendation})."),
        *_wrapped(f"{advice.why[0].upper()}{advice.why[1:]}{deciding}."),
        *_wrapped("This is advice from rules of thumb; nothing of it is measured on your data."),
        *_section(
            "Read from the data", [line for answer in from_data for line in _data_answer(answer)]
        ),
    ]
    for title, side in (("For", "for"), ("Against", "against"), ("Decides nothing here", "open")):
        reasons = [reason for reason in advice.reasons if reason.speaks == side]
        in_order = _by_way(reasons, advice.recommendation)
        lines += _section(title, [line for reason in in_order for line in _reason(reason)])
    lines += _section("Not known, and it matters", _turning(advice.unknown))
    lines += _section("Would change the advice", _turning(advice.flips))
    lines += _section("Mind", [line for note in advice.notes for line in _item(note)])
    mistakes = [
        line for mistake in advice.mistakes for line in _item(f"{mistake.id}: {mistake.text}")
    ]
    lines += _section("Common mistakes close by", mistakes)
    steps = enumerate(advice.next, 1)
    lines += _section(
        "Next",
        [
            line
            for number, step in steps
            for line in (*_item(step.text, f"{number}. "), f"       {step.command}")
        ],
    )
    lines += _section("Rules of thumb cited", _rules(advice.rules))
    return "\n".join(lines)


def explanation_text(way: str, today: date) -> str:
    """A way's advantages, limits, ten dimensions, and the rules that speak about it. Raises `ConfigError`."""
    facts = way_facts(way)
    rules = cited([rule.id for rule in facts.rules], today)
    width = max(map(len, facts.dimensions)) + 2
    return "\n".join(
        [
            *_wrapped(f"{facts.name[0].upper()}{facts.name[1:]} ({facts.way}): {facts.about}."),
            *_section("Advantages", [line for text in facts.advantages for line in _item(text)]),
            *_section("Limits", [line for text in facts.limits for line in _item(text)]),
            *_section(
                "Ten dimensions, in words; a run measures them",
                [
                    line
                    for title, text in facts.dimensions.items()
                    for line in wrap(
                        f"{title:<{width}}{text}",
                        WIDTH,
                        initial_indent="  ",
                        subsequent_indent=" " * (width + 2),
                    )
                ],
            ),
            *_section("Rules of thumb about it", _rules(rules)),
        ]
    )


def _section(title: str, lines: Iterable[str]) -> list[str]:
    """A titled block; nothing where there are no lines."""
    body = list(lines)
    return ["", f"{title}:", *body] if body else []


def _wrapped(text: str) -> list[str]:
    return wrap(text, WIDTH, break_on_hyphens=False)


def _item(text: str, mark: str = "- ") -> list[str]:
    indent = " " * (2 + len(mark))
    return wrap(
        text, WIDTH, initial_indent=f"  {mark}", subsequent_indent=indent, break_on_hyphens=False
    )


def _data_answer(answer: DataAnswer) -> Iterator[str]:
    value = (
        "not answered" if answer.value is None else answer_keys()[answer.key].plain(answer.value)
    )
    rows = f" (rows {', '.join(map(str, answer.rows))}, …)" if len(answer.rows) > 1 else ""
    rows = f" (row {answer.rows[0]})" if len(answer.rows) == 1 else rows
    yield from _item(f"{answer.key} {value}: {answer.text}{rows}")


def _by_way(reasons: Sequence[AdviceReason], first: str) -> list[AdviceReason]:
    """Reasons by way, those of the recommended way ``first``; within a way in the order of the questions."""

    def place(reason: AdviceReason) -> tuple[bool, int]:
        return reason.way != first, WAYS.index(reason.way) if reason.way else -1

    return sorted(reasons, key=place)


def _reason(reason: AdviceReason) -> list[str]:
    way = f"{reason.way}: " if reason.way else ""
    return _item(f"{way}{reason.text} [{', '.join(reason.rules)}]")


def _turning(answers: Sequence[TurningAnswer]) -> list[str]:
    """One line for each answer, with all that it could lead to."""
    by_key: dict[str, list[str]] = {}
    for answer in answers:
        by_key.setdefault(answer.key, []).append(f"{answer.values} would make it {answer.way}")
    return [line for key, texts in by_key.items() for line in _item(f"{key}: {'; '.join(texts)}")]


def _rules(rules: Sequence[CitedRule]) -> list[str]:
    """The rules with their sources; where these differ, how far apart they lie stands before the first."""
    lines: list[str] = []
    ranges: set[str] = set()
    for entry in sorted(rules, key=lambda entry: entry.range is not None):
        if entry.range is not None and entry.range.text not in ranges:
            ranges.add(entry.range.text)
            lines += _item(f"{entry.rule.about}: sources differ, {entry.range.text}:")
        lines += _rule(entry)
    return lines


def _rule(entry: CitedRule) -> list[str]:
    rule = entry.rule
    when = f"{'read ' if rule.read else ''}{rule.date}{', old' if entry.old else ''}"
    url = f", {rule.url}" if rule.url else ""
    text = f"{rule.id}: {rule.text} ({rule.source}{url}; {when}; {_STRENGTHS[rule.strength]})"
    return _item(text, "  - " if entry.range else "- ")
