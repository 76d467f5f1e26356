"""What is known of a case: the answers, checked, and the figures worked out from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from steelyard.advice.questions import Tries, answer_keys
from steelyard.config.source import read_yaml
from steelyard.core import Estimate
from steelyard.errors import ConfigError, closest
from steelyard.files import expanded
from steelyard.output_kinds import LABELLED
from steelyard.rules_of_thumb import thumb_rules
from steelyard.stats import proportion

WORKED_OUT: Mapping[str, tuple[str, ...]] = {
    "tries_share": ("tries",),
    "tries_low": ("tries",),
    "tries_high": ("tries",),
    "tokens_per_day": ("prompt_tokens", "requests_per_day"),
    "cached_tokens_per_day": ("prompt_tokens", "requests_per_day"),
}
"""Figures that rules read and nobody is asked for, with the answers that they are made of."""


@dataclass(frozen=True)
class Situation:
    """The answers; ``None`` is what was skipped.

    Counts are whole numbers, ``budget`` is in US dollars, ``max_latency_ms`` in milliseconds.
    """

    can_judge: bool | None = None
    kind: str | None = None
    tries: Tries | None = None
    need: str | None = None
    facts_change: str | None = None
    examples: int | None = None
    labels: int | None = None
    requests_per_day: int | None = None
    prompt_tokens: int | None = None
    max_latency_ms: int | None = None
    change: str | None = None
    private_data: bool | None = None
    needed_in_days: int | None = None
    skills: str | None = None
    budget: Decimal | None = None

    @cached_property
    def answers(self) -> dict[str, Any]:
        """What was answered, by key, in the order of the questions."""
        values = {key: getattr(self, key) for key in answer_keys()}
        return {key: value for key, value in values.items() if value is not None}

    @cached_property
    def figures(self) -> dict[str, Any]:
        """What rules read: the answers, and what is worked out from them."""
        figures = dict(self.answers)
        if not self.uses_labels:
            figures.pop("labels", None)
        if self.tries is not None:
            share = interval(self.tries)
            figures |= {
                "tries_share": share.value,
                "tries_low": share.low,
                "tries_high": share.high,
            }
        if self.prompt_tokens is not None and self.requests_per_day is not None:
            figures["tokens_per_day"] = self.prompt_tokens * self.requests_per_day
            if thumb_rules()["cache_1024"].holds(figures):
                figures["cached_tokens_per_day"] = figures["tokens_per_day"]
        return figures

    @property
    def uses_labels(self) -> bool:
        """Whether answers may be labels, so that their number says something."""
        return self.kind is None or self.kind in LABELLED

    def holds(self, rule: str) -> bool:
        """Whether the condition of a rule is known to hold."""
        return thumb_rules()[rule].holds(self.figures) is True

    def fails(self, rule: str) -> bool:
        """Whether the condition of a rule is known not to hold."""
        return thumb_rules()[rule].holds(self.figures) is False

    @property
    def does_well(self) -> bool:
        """Whether the tries show that today's prompt does."""
        return self.holds("eight_of_ten") and self.holds("more_right_than_wrong")

    @property
    def falls_short(self) -> bool:
        """Whether the tries show that today's prompt does not do; with neither they are too few to tell."""
        return self.holds("prompt_plateau")

    @property
    def is_unsettled(self) -> bool:
        """Whether there are tries, and their interval supports neither."""
        return self.tries is not None and not self.does_well and not self.falls_short

    def with_answer(self, key: str, value: Any) -> Situation:
        return replace(self, **{key: value})

    def to_dict(self) -> dict[str, Any]:
        """The answers as plain data."""
        plain = {
            key: value._asdict() if key == "tries" else value for key, value in self.answers.items()
        }
        if self.budget is not None:
            plain["budget"] = str(self.budget)
        return plain


def situation_of(answers: Mapping[str, Any] | Situation) -> Situation:
    """Read answers by key; ``None`` skips. Raises `ConfigError` for unknown keys and unfit values."""
    if isinstance(answers, Situation):
        return answers
    keys = answer_keys()
    unknown = [key for key in answers if key not in keys]
    if unknown:
        hint = closest(str(unknown[0]), keys)
        raise ConfigError(f"unknown key {str(unknown[0])!r}{hint}; known: {', '.join(keys)}")
    return Situation(
        **{key: keys[key].read(raw) for key, raw in answers.items() if raw is not None}
    )


def read_answers(path: Path | str) -> dict[str, Any]:
    """Read a YAML file of answers by key, checked. Raises `ConfigError` that names the file and the line.

    Numbers are read as an option is, not as YAML 1.1 would: ``010`` is 10, and ``1:30`` is refused.
    """
    file = expanded(path)
    data, lines = read_yaml(file, is_data=True, such_as="examples")
    for key in data:
        try:
            situation_of({key: data[key]})
        except ConfigError as error:
            line = lines.get((key,))
            where = f"{file.name} line {line}" if line else file.name
            raise ConfigError(f"{where}: {error}") from None
    return situation_of(data).to_dict()


@lru_cache(maxsize=256)
def interval(tries: Tries) -> Estimate:
    """The share of good tries with its 95 % interval (`proportion`: exact below 40 tries)."""
    return proportion(tries.good, tries.of)
